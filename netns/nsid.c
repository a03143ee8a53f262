/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "netns/nsid.h"

#include <errno.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include "base/lock.h"
#include "netns/netns.h"

#define ANSWER_BYTES 32768

/* One question. An answer is there when send() returns; the time-out of the socket is
 * for kernels that think otherwise. */
struct ask {
	char buf[128];
	struct nlmsghdr *nlh;
};

struct answer {
	bool (*fn)(int nsid, int own, void *arg);
	void *arg;
	bool enough;
	int nsid;
};

int fl_nsid_socket(void)
{
	struct timeval patience = { .tv_sec = 5 };
	struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int on = 1, err;
	int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (sock < 0)
		return -errno;
	if (setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    setsockopt(sock, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on)) ||
	    setsockopt(sock, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)) ||
	    bind(sock, (struct sockaddr *)&any, sizeof(any))) {
		err = -errno;
		close(sock);
		return err;
	}
	return sock;
}

static void ask_begin(struct ask *ask, uint16_t type, uint16_t flags)
{
	static _Thread_local uint32_t seq;

	ask->nlh = mnl_nlmsg_put_header(ask->buf);
	ask->nlh->nlmsg_type = type;
	ask->nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	ask->nlh->nlmsg_seq = ++seq;
	mnl_nlmsg_put_extra_header(ask->nlh, sizeof(struct rtgenmsg));
}

static void ask_put(struct ask *ask, uint16_t attr, int value)
{
	mnl_attr_put_u32(ask->nlh, attr, (uint32_t)value);
}

static void take_ids(const struct nlmsghdr *nlh, int *nsid, int *own)
{
	const struct nlattr *attr;

	*nsid = *own = FL_NSID_NONE;
	mnl_attr_for_each(attr, nlh, sizeof(struct rtgenmsg))
	{
		if (mnl_attr_get_payload_len(attr) < sizeof(uint32_t))
			continue;
		if (mnl_attr_get_type(attr) == NETNSA_NSID)
			*nsid = (int)mnl_attr_get_u32(attr);
		else if (mnl_attr_get_type(attr) == NETNSA_CURRENT_NSID)
			*own = (int)mnl_attr_get_u32(attr);
	}
}

static int answer_message(const struct nlmsghdr *nlh, void *arg)
{
	struct answer *answer = arg;
	int own;

	if (nlh->nlmsg_type != RTM_NEWNSID)
		return MNL_CB_OK;
	take_ids(nlh, &answer->nsid, &own);
	/* The rest of a dump is read all the same: the socket is used again. */
	if (answer->fn && !answer->enough)
		answer->enough = !answer->fn(answer->nsid, own, answer->arg);
	return nlh->nlmsg_flags & NLM_F_MULTI ? MNL_CB_OK : MNL_CB_STOP;
}

static int ask_send(int sock, const struct ask *ask, struct answer *answer)
{
	char buf[ANSWER_BYTES];
	ssize_t len;
	int more;

	fl_assert_may_block("a question to rtnetlink");
	if (send(sock, ask->nlh, ask->nlh->nlmsg_len, 0) < 0)
		return -errno;
	do {
		len = recv(sock, buf, sizeof(buf), 0);
		if (len < 0 && errno == EINTR) {
			more = MNL_CB_OK;
			continue;
		}
		if (len < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		more = mnl_cb_run(buf, (size_t)len, ask->nlh->nlmsg_seq, 0, answer_message, answer);
		/* A late answer to an earlier question that timed out. */
		if (more < 0 && errno == EPROTO)
			more = MNL_CB_OK;
	} while (more > MNL_CB_STOP);
	return more < 0 ? -errno : 0;
}

int fl_nsid_assign(int sock, int fd, int nsid)
{
	struct answer answer = { 0 };
	struct ask ask;

	ask_begin(&ask, RTM_NEWNSID, NLM_F_ACK);
	ask_put(&ask, NETNSA_NSID, nsid);
	ask_put(&ask, NETNSA_FD, fd);
	return ask_send(sock, &ask, &answer);
}

/* Asks for the id of what `attr` = value means, as the socket's namespace or target counts. */
static int get(int sock, uint16_t attr, int value, int target, int *ret_nsid)
{
	struct answer answer = { .nsid = FL_NSID_NONE };
	struct ask ask;
	int err;

	ask_begin(&ask, RTM_GETNSID, 0);
	ask_put(&ask, attr, value);
	if (target != FL_NSID_NONE)
		ask_put(&ask, NETNSA_TARGET_NSID, target);
	err = ask_send(sock, &ask, &answer);
	if (!err)
		*ret_nsid = answer.nsid;
	return err;
}

int fl_nsid_of_fd(int sock, int fd, int *ret_nsid)
{
	return get(sock, NETNSA_FD, fd, FL_NSID_NONE, ret_nsid);
}

int fl_nsid_of_fd_in(int sock, int fd, int target, int *ret_nsid)
{
	return get(sock, NETNSA_FD, fd, target, ret_nsid);
}

int fl_nsid_in(int sock, int nsid, int target, int *ret_nsid)
{
	return get(sock, NETNSA_NSID, nsid, target, ret_nsid);
}

int fl_nsid_walk(int sock, int target, bool (*fn)(int nsid, int own, void *arg), void *arg)
{
	struct answer answer = { .fn = fn, .arg = arg };
	struct ask ask;

	ask_begin(&ask, RTM_GETNSID, NLM_F_DUMP);
	if (target != FL_NSID_NONE)
		ask_put(&ask, NETNSA_TARGET_NSID, target);
	return ask_send(sock, &ask, &answer);
}

void fl_nsid_gone(const void *buf, size_t len, void (*gone)(int nsid, void *arg), void *arg)
{
	const struct nlmsghdr *nlh = buf;
	int left = (int)len, nsid, own;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		if (nlh->nlmsg_type != RTM_DELNSID)
			continue;
		take_ids(nlh, &nsid, &own);
		if (nsid != FL_NSID_NONE)
			gone(nsid, arg);
	}
}
