// SPDX-License-Identifier: LGPL-2.1-or-later
/* memory.c - the memory of the program that makes a call. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "attach/seccomp/call.h"

#define RW_MAX 0x7ffff000UL /* what the kernel reads or writes in one call at most */
#define PIECES 64	    /* per process_vm_*() */

enum direction { FROM, TO };

/* One stretch of pieces; 0, -EFAULT, -ESRCH. */
static int copy(const struct fl_call *call, enum direction direction, const struct iovec *iov,
		size_t count, void *local, size_t len)
{
	struct iovec here = { local, len };
	ssize_t got = direction == FROM ? process_vm_readv(call->tid, &here, 1, iov, count, 0)
					: process_vm_writev(call->tid, &here, 1, iov, count, 0);

	if (got < 0 && errno == ESRCH)
		return -ESRCH;
	return got == (ssize_t)len ? 0 : -EFAULT;
}

static int copy_iov(const struct fl_call *call, enum direction direction, const struct iovec *iov,
		    size_t count, char *local, size_t len)
{
	struct iovec some[PIECES];
	size_t at = 0;

	while (len) {
		size_t n = 0, bytes = 0;

		for (; n < PIECES && at < count && bytes < len; at++) {
			some[n] = iov[at];
			if (some[n].iov_len > len - bytes)
				some[n].iov_len = len - bytes;
			bytes += some[n].iov_len;
			n += some[n].iov_len > 0;
		}
		if (!bytes)
			return -EFAULT;
		int err = copy(call, direction, some, n, local, bytes);
		if (err)
			return err;
		local += bytes;
		len -= bytes;
	}
	return 0;
}

int fl_call_read_iov(const struct fl_call *call, const struct iovec *iov, size_t count, void *to,
		     size_t len)
{
	int err = copy_iov(call, FROM, iov, count, to, len);

	/* The thread's id may have been another's when its memory was read. */
	return fl_call_valid(call) ? err : -ESRCH;
}

int fl_call_write_iov(const struct fl_call *call, const struct iovec *iov, size_t count,
		      const void *from, size_t len)
{
	if (!len)
		return 0;
	/* Who is not there any more must not be written to: nor must who has its id now. */
	if (!fl_call_valid(call))
		return -ESRCH;
	return copy_iov(call, TO, iov, count, (char *)from, len);
}

int fl_call_read(const struct fl_call *call, uint64_t from, void *to, size_t len)
{
	struct iovec iov = { (void *)from, len };

	return fl_call_read_iov(call, &iov, 1, to, len);
}

int fl_call_write(const struct fl_call *call, uint64_t to, const void *from, size_t len)
{
	struct iovec iov = { (void *)to, len };

	return fl_call_write_iov(call, &iov, 1, from, len);
}

int fl_call_glance(const struct fl_call *call, uint64_t from, void *to, size_t len)
{
	struct iovec iov = { (void *)from, len };

	return copy(call, FROM, &iov, 1, to, len);
}

int fl_call_write_all(const struct fl_call *call, const struct fl_call_out *out, size_t count)
{
	struct iovec here[FL_CALL_OUTS], there[FL_CALL_OUTS];
	size_t n = 0, total = 0;
	ssize_t got;

	for (size_t i = 0; i < count; i++) {
		if (!out[i].len)
			continue;
		here[n] = (struct iovec){ (void *)out[i].from, out[i].len };
		there[n++] = (struct iovec){ (void *)out[i].to, out[i].len };
		total += out[i].len;
	}
	if (!n)
		return 0;
	if (!fl_call_valid(call))
		return -ESRCH;
	got = process_vm_writev(call->tid, here, n, there, n, 0);
	if (got < 0 && errno == ESRCH)
		return -ESRCH;
	return got == (ssize_t)total ? 0 : -EFAULT;
}

bool fl_call_in_user_half(uint64_t addr, uint64_t len)
{
	return len <= SSIZE_MAX && addr <= (uint64_t)SSIZE_MAX - len;
}

int fl_call_import_iov(const struct fl_call *call, uint64_t addr, uint64_t count, int too_many,
		       size_t *ret_total)
{
	struct fl_worker *worker = call->worker;
	size_t total = 0;
	int err;

	*ret_total = 0;
	if (count > FL_CALL_IOV)
		return too_many;
	if (!worker->iov)
		worker->iov = calloc(FL_CALL_IOV, sizeof(*worker->iov));
	if (!worker->iov)
		return -ENOMEM;
	if (!count)
		return 0;
	err = fl_call_glance(call, addr, worker->iov, count * sizeof(*worker->iov));
	if (err)
		return err;
	for (size_t i = 0; i < count; i++) {
		struct iovec *iov = &worker->iov[i];

		if (iov->iov_len > SSIZE_MAX)
			return -EINVAL;
		if (!fl_call_in_user_half((uint64_t)iov->iov_base, iov->iov_len))
			return -EFAULT;
		if (iov->iov_len > RW_MAX - total)
			iov->iov_len = RW_MAX - total;
		total += iov->iov_len;
	}
	*ret_total = total;
	return 0;
}

int fl_worker_reserve(struct fl_worker *worker, size_t size)
{
	char *buf;

	if (worker->buf_size >= size)
		return 0;
	buf = realloc(worker->buf, size);
	if (!buf)
		return -ENOMEM;
	worker->buf = buf;
	worker->buf_size = size;
	return 0;
}
