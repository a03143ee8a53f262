// SPDX-License-Identifier: LGPL-2.1-or-later
/* hooks-io.c - the hooked functions that send and receive. */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#include "attach/preload/hooks.h"
#include "attach/preload/shim.h"

/*
 * A number can change hands behind our back (a descriptor closed by a direct system
 * call). So when the kernel says that it is no socket it is looked at once more.
 */
static bool still_ours(int fd, ssize_t result)
{
	if (result != -ENOTSOCK && result != -EBADF)
		return true;
	shim_fd_forget(fd);
	return shim_fd_get(fd);
}

/* Each returns false if the original is to be called; else *ret_result is for the program. */
static bool ours_send(int fd, const struct msghdr *msg, int flags, ssize_t *ret_result)
{
	uint32_t bits = shim_fd_get(fd);
	struct fl_nlsock sock = shim_sock(fd, bits);

	if (!bits)
		return false;
	ssize_t result = fl_nlsock_send(&sock, msg, flags);
	if (!still_ours(fd, result))
		return false;
	*ret_result = shim_result(result);
	return true;
}

static bool ours_recv(int fd, struct msghdr *msg, int flags, ssize_t *ret_result)
{
	uint32_t bits = shim_fd_get(fd);
	struct fl_nlsock sock = shim_sock(fd, bits);

	if (!bits)
		return false;
	ssize_t result = fl_nlsock_recv(&sock, msg, flags);
	if (!still_ours(fd, result))
		return false;
	*ret_result = shim_result(result);
	return true;
}

static bool ours_sendto(int fd, const void *buf, size_t len, int flags, const void *addr,
			socklen_t addrlen, ssize_t *ret_result)
{
	struct iovec iov = { (void *)buf, len };
	struct msghdr msg = { .msg_name = (void *)addr,
			      .msg_namelen = addr ? addrlen : 0,
			      .msg_iov = &iov,
			      .msg_iovlen = 1 };

	return ours_send(fd, &msg, flags, ret_result);
}

static bool ours_recvfrom(int fd, void *buf, size_t len, int flags, void *addr, socklen_t *addrlen,
			  ssize_t *ret_result)
{
	struct iovec iov = { buf, len };
	struct msghdr msg = { .msg_name = addr, .msg_iov = &iov, .msg_iovlen = 1 };

	if (addr && addrlen) {
		if ((int)*addrlen < 0 && shim_fd_get(fd)) {
			*ret_result = shim_result(-EINVAL);
			return true;
		}
		msg.msg_namelen = *addrlen;
	}
	if (!ours_recv(fd, &msg, flags, ret_result))
		return false;
	if (*ret_result >= 0 && addr && addrlen)
		*addrlen = msg.msg_namelen;
	return true;
}

/* Descriptors that another process sent are new holders of their numbers. */
static void forget_received(struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = CMSG_LEN(0); at + sizeof(int) <= c->cmsg_len; at += sizeof(int)) {
			int fd;

			memcpy(&fd, (char *)c + at, sizeof(fd));
			shim_fd_forget(fd);
		}
	}
}

SHIM_EXPORT ssize_t send(int fd, const void *buf, size_t len, int flags)
{
	ssize_t result;

	if (ours_sendto(fd, buf, len, flags, NULL, 0, &result))
		return result;
	return shim_real()->send(fd, buf, len, flags);
}

SHIM_EXPORT ssize_t sendto(int fd, const void *buf, size_t len, int flags,
			   __CONST_SOCKADDR_ARG addr, socklen_t addrlen)
{
	ssize_t result;

	if (ours_sendto(fd, buf, len, flags, addr.__sockaddr__, addrlen, &result))
		return result;
	return shim_real()->sendto(fd, buf, len, flags, addr.__sockaddr__, addrlen);
}

SHIM_EXPORT ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	ssize_t result;

	if (ours_send(fd, msg, flags, &result))
		return result;
	return shim_real()->sendmsg(fd, msg, flags);
}

SHIM_EXPORT int sendmmsg(int fd, struct mmsghdr *vec, unsigned int count, int flags)
{
	unsigned int sent = 0;

	if (!shim_fd_get(fd))
		return shim_real()->sendmmsg(fd, vec, count, flags);
	for (; sent < count; sent++) {
		ssize_t result = sendmsg(fd, &vec[sent].msg_hdr, flags);

		if (result < 0)
			return sent ? (int)sent : -1;
		vec[sent].msg_len = result;
	}
	return sent;
}

SHIM_EXPORT ssize_t write(int fd, const void *buf, size_t len)
{
	ssize_t result;

	if (ours_sendto(fd, buf, len, 0, NULL, 0, &result))
		return result;
	return shim_real()->write(fd, buf, len);
}

SHIM_EXPORT ssize_t writev(int fd, const struct iovec *iov, int count)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = count };
	ssize_t result;

	if (count >= 0 && ours_send(fd, &msg, 0, &result))
		return result;
	return shim_real()->writev(fd, iov, count);
}

SHIM_EXPORT ssize_t recv(int fd, void *buf, size_t len, int flags)
{
	ssize_t result;

	if (ours_recvfrom(fd, buf, len, flags, NULL, NULL, &result))
		return result;
	return shim_real()->recv(fd, buf, len, flags);
}

SHIM_EXPORT ssize_t recvfrom(int fd, void *buf, size_t len, int flags, __SOCKADDR_ARG addr,
			     socklen_t *addrlen)
{
	ssize_t result;

	if (ours_recvfrom(fd, buf, len, flags, addr.__sockaddr__, addrlen, &result))
		return result;
	return shim_real()->recvfrom(fd, buf, len, flags, addr.__sockaddr__, addrlen);
}

SHIM_EXPORT ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	ssize_t result;

	if (ours_recv(fd, msg, flags, &result))
		return result;
	result = shim_real()->recvmsg(fd, msg, flags);
	if (result >= 0 && shim_active())
		forget_received(msg);
	return result;
}

/* Milliseconds are enough: the kernel too looks at the time only between datagrams. */
static bool is_over(const struct timespec *timeout, const struct timespec *start)
{
	struct timespec now;

	if (!timeout)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	time_t seconds = now.tv_sec - start->tv_sec;
	long ns = now.tv_nsec - start->tv_nsec;
	if (ns < 0) {
		seconds--;
		ns += 1000000000;
	}
	return seconds > timeout->tv_sec || (seconds == timeout->tv_sec && ns >= timeout->tv_nsec);
}

static int ours_recvmmsg(const struct fl_nlsock *sock, struct mmsghdr *vec, unsigned int count, int flags,
			 const struct timespec *timeout)
{
	struct timespec start = { 0 };
	unsigned int got = 0;

	if (timeout)
		clock_gettime(CLOCK_MONOTONIC, &start);
	while (got < count) {
		ssize_t len = fl_nlsock_recv(sock, &vec[got].msg_hdr, flags & ~MSG_WAITFORONE);

		if (len < 0) {
			/* What came counts now, the loss of notifications next time. */
			if (got && len == -ENOBUFS)
				fl_nlsock_set(sock, FL_NLSOCK_OVERRUN);
			return got ? (int)got : (int)shim_result(len);
		}
		vec[got++].msg_len = len;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		if (is_over(timeout, &start))
			break;
	}
	return got;
}

SHIM_EXPORT int recvmmsg(int fd, struct mmsghdr *vec, unsigned int count, int flags,
			 struct timespec *timeout)
{
	uint32_t bits = shim_fd_get(fd);
	struct fl_nlsock sock = shim_sock(fd, bits);

	if (bits)
		return ours_recvmmsg(&sock, vec, count, flags, timeout);
	int got = shim_real()->recvmmsg(fd, vec, count, flags, timeout);
	for (int i = 0; i < got && shim_active(); i++)
		forget_received(&vec[i].msg_hdr);
	return got;
}

SHIM_EXPORT ssize_t read(int fd, void *buf, size_t len)
{
	ssize_t result;

	/* Of a socket, read() of nothing receives nothing. */
	if (len && ours_recvfrom(fd, buf, len, 0, NULL, NULL, &result))
		return result;
	return shim_real()->read(fd, buf, len);
}

SHIM_EXPORT ssize_t readv(int fd, const struct iovec *iov, int count)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = count };
	ssize_t result;

	if (count > 0 && ours_recv(fd, &msg, 0, &result))
		return result;
	return shim_real()->readv(fd, iov, count);
}

/* What _FORTIFY_SOURCE makes of recv(), recvfrom() and read(). A length beyond the object
 * is left to the originals, which stop the program. */
SHIM_EXPORT ssize_t __recv_chk(int fd, void *buf, size_t len, size_t size, int flags)
{
	ssize_t result;

	if (len <= size && ours_recvfrom(fd, buf, len, flags, NULL, NULL, &result))
		return result;
	return shim_real()->__recv_chk(fd, buf, len, size, flags);
}

SHIM_EXPORT ssize_t __recvfrom_chk(int fd, void *buf, size_t len, size_t size, int flags,
				   __SOCKADDR_ARG addr, socklen_t *addrlen)
{
	ssize_t result;

	if (len <= size && ours_recvfrom(fd, buf, len, flags, addr.__sockaddr__, addrlen, &result))
		return result;
	return shim_real()->__recvfrom_chk(fd, buf, len, size, flags, addr.__sockaddr__, addrlen);
}

SHIM_EXPORT ssize_t __read_chk(int fd, void *buf, size_t len, size_t size)
{
	ssize_t result;

	if (len && len <= size && ours_recvfrom(fd, buf, len, 0, NULL, NULL, &result))
		return result;
	return shim_real()->__read_chk(fd, buf, len, size);
}
