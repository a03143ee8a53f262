// SPDX-License-Identifier: LGPL-2.1-or-later
/* call-socket.c - calls that make, name and copy sockets. */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "attach/seccomp/supervisor.h"
#include "base/util.h"

int64_t fl_call_socket(struct fl_call *call)
{
	int type = (int)call->args[1], kind = type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
	int64_t result;
	int fd;

	if (kind != SOCK_RAW && kind != SOCK_DGRAM)
		return FL_CALL_CONTINUE;
	fd = fl_door_open(call, type);
	if (fd < 0)
		return fd == -ESRCH ? FL_CALL_GONE : fd;
	result = fl_number_give(call, fd, 0, type & SOCK_CLOEXEC);
	close(fd);
	return result;
}

int64_t fl_call_dup(struct fl_call *call)
{
	return fl_number_give(call, call->fd, 0, false);
}

/* dup2(), dup3() to a number whose calls are not handed over. */
int64_t fl_call_leave(struct fl_call *call)
{
	fl_supervisor_tell(call->sup, FL_TOLD_LEFT,
			   "process %d puts a netlink socket at descriptor %u, where its names and "
			   "options are not a netlink socket's: use --attach=seccomp-all",
			   (int)fl_target_tgid(call->target), (unsigned int)call->args[1]);
	return FL_CALL_CONTINUE;
}

int64_t fl_call_fcntl(struct fl_call *call)
{
	struct rlimit limit;

	if (!prlimit(call->tid, RLIMIT_NOFILE, NULL, &limit) &&
	    (unsigned int)call->args[2] >= limit.rlim_cur)
		return -EINVAL;
	return fl_number_give(call, call->fd, (unsigned int)call->args[2],
			      (int)call->args[1] == F_DUPFD_CLOEXEC);
}

/* The filter hands over only what AF_UNIX answers and AF_NETLINK does not. */
int64_t fl_call_ioctl(struct fl_call *call)
{
	return -ENOTTY;
}

int64_t fl_call_not_supported(struct fl_call *call)
{
	return -EOPNOTSUPP;
}

/* An address as the kernel takes it over before it looks at it. */
struct address {
	struct sockaddr_storage storage;
	socklen_t len;
};

static int read_address(const struct fl_call *call, struct address *ret_addr)
{
	int len = (int)call->args[2];

	memset(ret_addr, 0, sizeof(*ret_addr));
	if (len < 0 || (size_t)len > sizeof(ret_addr->storage))
		return -EINVAL;
	ret_addr->len = len;
	return len ? fl_call_read(call, call->args[1], &ret_addr->storage, len) : 0;
}

int64_t fl_call_bind(struct fl_call *call)
{
	struct address addr;
	int err = read_address(call, &addr);

	if (!err)
		err = fl_nlsock_bind(&call->sock, (struct sockaddr *)&addr.storage, addr.len);
	fl_sock_forget_name(call->entry);
	return err == -ESRCH ? FL_CALL_GONE : err;
}

int64_t fl_call_connect(struct fl_call *call)
{
	struct address addr;
	int err = read_address(call, &addr);

	if (!err)
		err = fl_nlsock_connect_to(&call->sock, (struct sockaddr *)&addr.storage, addr.len);
	fl_sock_forget_name(call->entry);
	return err == -ESRCH ? FL_CALL_GONE : err;
}

/* Hands a name to the program, cut to its room; its length says how long it is. */
static int64_t write_address(const struct fl_call *call, const struct sockaddr_nl *addr)
{
	int room, err = fl_call_glance(call, call->args[2], &room, sizeof(room));
	int len = sizeof(*addr);

	if (!err && room < 0)
		err = -EINVAL;
	if (!err) {
		struct fl_call_out out[] = {
			{ call->args[1], addr, room < len ? room : len },
			{ call->args[2], &len, sizeof(len) },
		};

		err = fl_call_write_all(call, out, FL_ARRAY_SIZE(out));
	}
	return err == -ESRCH ? FL_CALL_GONE : err;
}

int64_t fl_call_getsockname(struct fl_call *call)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(addr);
	uint64_t name;
	int err;

	if (fl_sock_knows_name(call->entry, &name)) {
		addr.nl_pid = (uint32_t)name;
		addr.nl_groups = (uint32_t)(name >> 32);
		return write_address(call, &addr);
	}
	err = fl_nlsock_getsockname(&call->sock, (struct sockaddr *)&addr, &len);
	if (err)
		return err;
	fl_sock_learn_name(call->entry, name, addr.nl_pid, addr.nl_groups);
	return write_address(call, &addr);
}

int64_t fl_call_getpeername(struct fl_call *call)
{
	struct sockaddr_nl addr;
	socklen_t len = sizeof(addr);
	int err = fl_nlsock_getpeername((struct sockaddr *)&addr, &len);

	return err ? err : write_address(call, &addr);
}

int64_t fl_call_setsockopt(struct fl_call *call)
{
	int level = (int)call->args[1], len = (int)call->args[4], value = 0, err = 0;

	if (level == SOL_SOCKET)
		return FL_CALL_CONTINUE;
	if (len < 0)
		return -EINVAL;
	if (level != SOL_NETLINK)
		return -ENOPROTOOPT;
	if ((size_t)len >= sizeof(value))
		err = fl_call_read(call, call->args[3], &value, sizeof(value));
	if (err)
		return err == -ESRCH ? FL_CALL_GONE : err;
	err = fl_nlsock_setsockopt(&call->sock, (int)call->args[2], &value, (socklen_t)len);
	fl_sock_forget_name(call->entry);
	return err;
}

#define OPTION_MAX 128

static int answer_option(struct fl_call *call, void *value, socklen_t *len)
{
	if ((int)call->args[1] == SOL_NETLINK)
		return fl_nlsock_getsockopt(&call->sock, (int)call->args[2], value, len);
	return fl_nlsock_getsockopt_socket(call->sock.bits, (int)call->args[2], value, len);
}

int64_t fl_call_getsockopt(struct fl_call *call)
{
	int level = (int)call->args[1], room = 0, err, answered;
	char value[OPTION_MAX];
	socklen_t len, size;

	if (level != SOL_NETLINK && level != SOL_SOCKET)
		return -ENOPROTOOPT;
	err = fl_call_glance(call, call->args[4], &room, sizeof(room));
	if (err)
		return err == -ESRCH ? FL_CALL_GONE : err;
	if (room < 0)
		return -EINVAL;
	len = room < OPTION_MAX ? room : OPTION_MAX;
	size = len;
	answered = answer_option(call, value, &len);
	if (level == SOL_SOCKET && !answered)
		return FL_CALL_CONTINUE;
	if (answered < 0)
		return answered;
	size = len < size ? len : size;
	if (level == SOL_NETLINK && (int)call->args[2] == NETLINK_LIST_MEMBERSHIPS)
		size -= size % sizeof(uint32_t); /* words are not cut */
	struct fl_call_out out[] = {
		{ call->args[3], value, size },
		{ call->args[4], &len, sizeof(len) },
	};
	err = fl_call_write_all(call, out, FL_ARRAY_SIZE(out));
	return err == -ESRCH ? FL_CALL_GONE : err;
}
