// SPDX-License-Identifier: LGPL-2.1-or-later
/* call.c - by number to the handler of a call, and its reply. */
#include "attach/seccomp/call.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attach/seccomp/supervisor.h"

static const struct {
	int nr;
	fl_call_handler *handler;
} handlers[] = {
	{ SYS_bind, fl_call_bind },
	{ SYS_connect, fl_call_connect },
	{ SYS_listen, fl_call_not_supported },
	{ SYS_accept, fl_call_not_supported },
	{ SYS_accept4, fl_call_not_supported },
	{ SYS_shutdown, fl_call_not_supported },
	{ SYS_getsockname, fl_call_getsockname },
	{ SYS_getpeername, fl_call_getpeername },
	{ SYS_setsockopt, fl_call_setsockopt },
	{ SYS_getsockopt, fl_call_getsockopt },
	{ SYS_sendto, fl_call_sendto },
	{ SYS_sendmsg, fl_call_sendmsg },
	{ SYS_sendmmsg, fl_call_sendmmsg },
	{ SYS_write, fl_call_write_one },
	{ SYS_writev, fl_call_writev },
	{ SYS_pwritev2, fl_call_pwritev },
	{ SYS_recvfrom, fl_call_recvfrom },
	{ SYS_recvmsg, fl_call_recvmsg },
	{ SYS_recvmmsg, fl_call_recvmmsg },
	{ SYS_read, fl_call_read_one },
	{ SYS_readv, fl_call_readv },
	{ SYS_preadv2, fl_call_preadv },
	{ SYS_dup, fl_call_dup },
#ifdef SYS_dup2
	{ SYS_dup2, fl_call_leave },
#endif
	{ SYS_dup3, fl_call_leave },
	{ SYS_fcntl, fl_call_fcntl },
	{ SYS_ioctl, fl_call_ioctl },
};

bool fl_call_valid(const struct fl_call *call)
{
	return !ioctl(call->sup->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &call->id);
}

int fl_call_reply(const struct fl_call *call, int64_t result)
{
	struct seccomp_notif_resp *resp = call->worker->resp;
	int got;

	memset(resp, 0, call->sup->resp_size);
	resp->id = call->id;
	if (result == FL_CALL_CONTINUE)
		resp->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	else if (result == FL_CALL_GONE)
		resp->error = -EINTR; /* it cannot be there; if it is, it is not to hang */
	else if (result < 0)
		resp->error = (int)result;
	else
		resp->val = result;
	do {
		got = ioctl(call->sup->listener, SECCOMP_IOCTL_NOTIF_SEND, resp);
	} while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : 0;
}

/* The descriptor that the call is about, if it is one of ours. 0; -ENOENT: it is not;
 * -ESRCH: the program has gone. */
static int take_fd(struct fl_call *call)
{
	int fd = fl_target_getfd(call->target, (int)call->args[0]), err;

	if (fd == -ESRCH) {
		/* The id is another thread's than when it was opened. */
		struct fl_target *old = call->target;

		fl_target_forget(&call->sup->targets, old);
		fl_target_put(&call->sup->targets, old);
		call->target = NULL;
		err = fl_target_get(&call->sup->targets, call->tid, &call->target);
		if (err)
			return err;
		fd = fl_target_getfd(call->target, (int)call->args[0]);
		if (fd >= 0 && !fl_call_valid(call)) {
			close(fd);
			return -ESRCH;
		}
	}
	if (fd == -EPERM || fd == -EMFILE)
		fl_supervisor_tell(call->sup, FL_TOLD_GETFD,
				   "a socket of process %d cannot be looked at: %s", (int)call->tid,
				   strerror(-fd));
	if (fd < 0)
		return fd == -ESRCH ? fd : -ENOENT;
	call->fd = fd;
	err = fl_sock_get(&call->sup->socks, fd, &call->entry);
	if (err || !call->entry->ours)
		return -ENOENT;
	call->sock = (struct fl_nlsock){ .fd = fd,
					 .bits = call->entry->bits,
					 .state = &call->entry->state,
					 .ops = &fl_call_nlsock_ops };
	return 0;
}

static int64_t dispatch(struct fl_call *call)
{
	int err = fl_target_get(&call->sup->targets, call->tid, &call->target);

	if (err)
		return err == -ESRCH ? FL_CALL_GONE : err;
	if (call->nr == SYS_socket)
		return fl_call_socket(call);
	err = take_fd(call);
	if (err)
		return err == -ESRCH ? FL_CALL_GONE : FL_CALL_CONTINUE;
	for (size_t i = 0; i < FL_ARRAY_SIZE(handlers); i++)
		if (handlers[i].nr == call->nr)
			return handlers[i].handler(call);
	return FL_CALL_CONTINUE;
}

void fl_call_handle(struct fl_call *call)
{
	int64_t result = dispatch(call);

	if (result != FL_CALL_REPLIED)
		fl_call_reply(call, result);
	if (call->fd >= 0)
		close(call->fd);
	fl_sock_put(&call->sup->socks, call->entry);
	fl_target_put(&call->sup->targets, call->target);
}
