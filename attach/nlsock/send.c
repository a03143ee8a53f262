// SPDX-License-Identifier: LGPL-2.1-or-later
/* send.c - send(), as a generic netlink socket does it. */
#include <errno.h>
#include <linux/genetlink.h>
#include <limits.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "attach/nlsock/nlsock.h"
#include "attach/nlsock/reads.h"
#include "nl/devlink-attrs.h"

#define STACK_COPY 1024

/* One netlink message of a datagram. */
struct piece {
	const struct nlmsghdr *nlh;
	size_t len; /* with padding, as far as it is in the datagram */
};

/* The next message at *at, or false: the end, or what the kernel would not look at. */
static bool next_piece(const char *buf, size_t len, size_t *at, struct piece *ret_piece)
{
	const struct nlmsghdr *nlh = (const void *)(buf + *at);

	if (len - *at < NLMSG_HDRLEN || nlh->nlmsg_len < NLMSG_HDRLEN || nlh->nlmsg_len > len - *at)
		return false;
	size_t step = NLMSG_ALIGN(nlh->nlmsg_len);
	if (step > len - *at)
		step = len - *at;
	*ret_piece = (struct piece){ nlh, step };
	*at += step;
	return true;
}

static const struct genlmsghdr *genl_of(const struct nlmsghdr *nlh)
{
	return nlh->nlmsg_len >= NLMSG_HDRLEN + GENL_HDRLEN ? NLMSG_DATA(nlh) : NULL;
}

/* True if the message may change something, or asks a device: its sender relies on that
 * being done when send() returns. Families other than the controller are devlink. */
static bool is_change(const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = genl_of(nlh);

	if (nlh->nlmsg_type <= GENL_ID_CTRL || !genl)
		return false;
	if ((nlh->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP)
		return false;
	return !fl_nlsock_cmd_reads(genl->cmd);
}

/* The number in the attribute that names a namespace: 0 none, else its type. */
static int netns_attr(const struct nlmsghdr *nlh, uint32_t *ret_value)
{
	const struct genlmsghdr *genl = genl_of(nlh);
	const char *data;
	int found = 0;

	if (nlh->nlmsg_type <= GENL_ID_CTRL || !genl || genl->cmd != DEVLINK_CMD_RELOAD)
		return 0;
	data = (const char *)genl + GENL_HDRLEN;
	size_t len = nlh->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN;
	while (len >= NLA_HDRLEN) {
		const struct nlattr *attr = (const void *)data;
		int type = attr->nla_type & NLA_TYPE_MASK;

		if (attr->nla_len < NLA_HDRLEN || attr->nla_len > len)
			break;
		if ((type == DEVLINK_ATTR_NETNS_FD || type == DEVLINK_ATTR_NETNS_PID) &&
		    attr->nla_len == NLA_HDRLEN + sizeof(uint32_t)) {
			memcpy(ret_value, data + NLA_HDRLEN, sizeof(uint32_t));
			found = type;
		}
		size_t step = NLA_ALIGN(attr->nla_len);
		if (step >= len)
			break;
		data += step;
		len -= step;
	}
	return found;
}

/* A descriptor of our own for the namespace that a message names, in the program's view of
 * descriptors and processes; -1 if it names none or one that is not there. */
static int open_netns(const struct fl_nlsock *sock, const struct nlmsghdr *nlh)
{
	uint32_t value;

	switch (netns_attr(nlh, &value)) {
	case DEVLINK_ATTR_NETNS_FD:
		return value <= INT32_MAX ? sock->ops->open_netns_fd(sock, value) : -1;
	case DEVLINK_ATTR_NETNS_PID:
		return sock->ops->open_netns_pid(sock, value);
	default:
		return -1;
	}
}

/* What a packet holds: its changes, and if there are none whether it is one read alone. */
struct load {
	bool change;
	const struct nlmsghdr *single;
};

static int send_load(const struct fl_nlsock *sock, const void *buf, size_t len, int netns,
		     const struct load *load, int flags)
{
	struct fl_wire_hdr hdr = { .kind = FL_WIRE_NETLINK };
	struct fl_wire_reply reply;
	int err;

	if (load->change || !sock->ops->sends_read(sock, flags, load->single))
		return fl_nlsock_call(sock, &hdr, buf, len, netns, flags, &reply);
	err = fl_nlsock_packet(sock, &hdr, buf, len, -1, netns, flags);
	if (!err)
		sock->ops->sent_read(sock, load->single);
	return err;
}

/* A packet carries one namespace, so messages that each name one go each by itself; the
 * kernel too carries out the messages of a datagram one after another. */
static int send_split(const struct fl_nlsock *sock, const char *buf, size_t len, int flags)
{
	struct piece piece;
	size_t at = 0;
	int err = 0;

	while (!err && next_piece(buf, len, &at, &piece)) {
		int netns = open_netns(sock, piece.nlh);
		struct load load = { .change = is_change(piece.nlh) };

		err = send_load(sock, piece.nlh, piece.len, netns, &load, flags);
		if (netns >= 0)
			syscall(SYS_close, netns);
	}
	return err;
}

static int send_datagram(const struct fl_nlsock *sock, const char *buf, size_t len, int flags)
{
	struct load load = { .change = false };
	unsigned int count = 0;
	bool netns = false;
	struct piece piece;
	size_t at = 0;

	while (next_piece(buf, len, &at, &piece)) {
		uint32_t value;

		load.change |= is_change(piece.nlh);
		netns |= netns_attr(piece.nlh, &value) != 0;
		load.single = count++ ? NULL : piece.nlh;
	}
	if (netns)
		return send_split(sock, buf, len, flags);
	if (load.single && (at != len || load.single->nlmsg_flags & NLM_F_DUMP))
		load.single = NULL;
	return send_load(sock, buf, len, -1, &load, flags);
}

/* The destination that sendto() and sendmsg() may name: the kernel, which is the plane. */
static int check_dest(const struct sockaddr_nl *dest, socklen_t len)
{
	if (len == 0)
		return 0;
	if (len < sizeof(*dest) || dest->nl_family != AF_NETLINK)
		return -EINVAL;
	return dest->nl_pid ? -ECONNREFUSED : 0; /* no other socket can be reached from here */
}

static ssize_t iov_total(const struct iovec *iov, size_t count)
{
	size_t total = 0;

	if (count > IOV_MAX)
		return -EMSGSIZE;
	for (size_t i = 0; i < count; i++) {
		if (iov[i].iov_len > SSIZE_MAX - total)
			return -EINVAL;
		total += iov[i].iov_len;
	}
	return total;
}

static void iov_gather(char *to, const struct iovec *iov, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (iov[i].iov_len)
			memcpy(to, iov[i].iov_base, iov[i].iov_len);
		to += iov[i].iov_len;
	}
}

/* A datagram that the program keeps in pieces. */
static int send_gathered(const struct fl_nlsock *sock, const struct msghdr *msg, size_t len,
			 int flags)
{
	char stack[STACK_COPY] __attribute__((aligned(NLMSG_ALIGNTO))) = "";
	char *buf = stack;

	if (len > sizeof(stack)) {
		buf = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (buf == MAP_FAILED)
			return -ENOBUFS;
	}
	iov_gather(buf, msg->msg_iov, msg->msg_iovlen);
	int err = send_datagram(sock, buf, len, flags);
	if (buf != stack)
		munmap(buf, len);
	return err;
}

/* Ancillary data is of no use to netlink, but is looked at: descriptors are for AF_UNIX. */
static int check_control(const char *control, size_t len)
{
	struct cmsghdr cmsg;

	for (size_t at = 0; len - at >= sizeof(cmsg);) {
		memcpy(&cmsg, control + at, sizeof(cmsg));
		if (cmsg.cmsg_len < sizeof(cmsg) || cmsg.cmsg_len > len - at)
			return -EINVAL;
		if (cmsg.cmsg_level == SOL_SOCKET &&
		    (cmsg.cmsg_type != SCM_CREDENTIALS ||
		     cmsg.cmsg_len != CMSG_LEN(sizeof(struct ucred))))
			return -EINVAL;
		if (CMSG_ALIGN(cmsg.cmsg_len) > len - at)
			break;
		at += CMSG_ALIGN(cmsg.cmsg_len);
	}
	return 0;
}

int fl_nlsock_check_send(const struct msghdr *msg, size_t len, int flags)
{
	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (!len)
		return -ENODATA;
	int err = msg->msg_control ? check_control(msg->msg_control, msg->msg_controllen) : 0;
	err = err ? err : check_dest(msg->msg_name, msg->msg_name ? msg->msg_namelen : 0);
	if (!err && len > FL_WIRE_MSG_MAX)
		err = -EMSGSIZE;
	return err;
}

ssize_t fl_nlsock_send(const struct fl_nlsock *sock, const struct msghdr *msg, int flags)
{
	ssize_t len = iov_total(msg->msg_iov, msg->msg_iovlen);
	int err;

	if (len < 0)
		return flags & MSG_OOB ? -EOPNOTSUPP : len;
	err = fl_nlsock_check_send(msg, len, flags);
	if (err)
		return err;
	if (msg->msg_iovlen == 1)
		err = send_datagram(sock, msg->msg_iov->iov_base, len, flags);
	else
		err = send_gathered(sock, msg, len, flags);
	return err ? err : len;
}
