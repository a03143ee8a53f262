// SPDX-License-Identifier: LGPL-2.1-or-later
/* behave-io.c - sending and receiving. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "behave.h"

static char buf[65536];

static int asked(struct nlmsghdr **ret_nlh)
{
	int fd = nl_open(SOCK_RAW);

	*ret_nlh = nl_getfamily();
	nl_send(fd, *ret_nlh);
	return fd;
}

static void send_recv(void)
{
	struct nlmsghdr *nlh;
	int fd = asked(&nlh);

	errno = 4321;
	nl_expect(fd, nlh);
	SAME(errno, 4321);
}

static void write_read(void)
{
	struct nlmsghdr *nlh = nl_getfamily();
	int fd = nl_open(SOCK_RAW);

	SAME(write(fd, nlh, nlh->nlmsg_len), nlh->nlmsg_len);
	SAME(read(fd, buf, 0), 0);
	nl_expect_reply(buf, read(fd, buf, sizeof(buf)), nlh);
	nl_expect_ack(buf, read(fd, buf, sizeof(buf)), nlh);
}

static void vectors(void)
{
	struct nlmsghdr *nlh = nl_getfamily();
	struct iovec out[3] = { { nlh, 6 }, { NULL, 0 }, { (char *)nlh + 6, nlh->nlmsg_len - 6 } };
	struct iovec in[3] = { { buf, 5 }, { buf + 5, 20 }, { buf + 25, sizeof(buf) - 25 } };
	int fd = nl_open(SOCK_RAW);

	SAME(writev(fd, out, 3), nlh->nlmsg_len);
	nl_expect_reply(buf, readv(fd, in, 3), nlh);
	nl_expect_ack(buf, readv(fd, in, 3), nlh);
}

static void many_messages(void)
{
	struct nlmsghdr *nlh = nl_getfamily();
	struct iovec out = { nlh, nlh->nlmsg_len };
	struct mmsghdr sends[2] = { 0 }, recvs[8] = { 0 };
	static char room[8][8192];
	struct iovec in[8];
	int fd = nl_open(SOCK_RAW);

	for (int i = 0; i < 2; i++)
		sends[i].msg_hdr = (struct msghdr){ .msg_iov = &out, .msg_iovlen = 1 };
	for (int i = 0; i < 8; i++) {
		in[i] = (struct iovec){ room[i], sizeof(room[i]) };
		recvs[i].msg_hdr = (struct msghdr){ .msg_iov = &in[i], .msg_iovlen = 1 };
	}
	SAME(sendmmsg(fd, sends, 2, 0), 2);
	SAME(sends[1].msg_len, nlh->nlmsg_len);
	SAME(recvmmsg(fd, recvs, 3, 0, NULL), 3);
	nl_expect_reply(room[0], recvs[0].msg_len, nlh);
	nl_expect_ack(room[1], recvs[1].msg_len, nlh);
	nl_expect_reply(room[2], recvs[2].msg_len, nlh);
	SAME(recvmmsg(fd, recvs, 8, MSG_WAITFORONE, NULL), 1);
	nl_expect_ack(room[0], recvs[0].msg_len, nlh);
	FAILS(recvmmsg(fd, recvs, 8, MSG_DONTWAIT, NULL), EAGAIN);
}

static void two_in_one(void)
{
	char both[256];
	struct nlmsghdr first = *nl_getfamily(), *second;
	int fd = nl_open(SOCK_RAW);

	second = nl_getfamily();
	first.nlmsg_seq = second->nlmsg_seq + 1000;
	memcpy(both, second, second->nlmsg_len);
	memcpy(both, &first, sizeof(first));
	memcpy(both + first.nlmsg_len, second, second->nlmsg_len);
	SAME(send(fd, both, 2 * second->nlmsg_len, 0), 2 * second->nlmsg_len);
	nl_expect(fd, &first);
	nl_expect(fd, second);
}

static void no_request(void)
{
	struct nlmsghdr *nlh = nl_getfamily();
	int fd = nl_open(SOCK_RAW);

	nlh->nlmsg_flags = 0;
	nl_send(fd, nlh);
	FAILS(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
	nlh->nlmsg_flags = NLM_F_ACK;
	nl_send(fd, nlh);
	nl_expect_ack(buf, recv(fd, buf, sizeof(buf), 0), nlh);
	nlh->nlmsg_flags = NLM_F_ACK | NLM_F_REQUEST;
	nl_send(fd, nlh);
	nl_expect(fd, nlh);
}

static void send_wrong(void)
{
	int fd = nl_open(SOCK_RAW);
	struct nlmsghdr *nlh = nl_getfamily();
	size_t size = 1 << 20;
	char *big = calloc(1, size);

	FAILS(send(fd, nlh, 0, 0), ENODATA);
	FAILS(send(fd, nlh, nlh->nlmsg_len, MSG_OOB), EOPNOTSUPP);
	FAILS(send(fd, big, size, 0), EMSGSIZE);
	FAILS(recv(fd, buf, sizeof(buf), MSG_OOB), EOPNOTSUPP);
	free(big);
	nl_send(fd, nlh);
	nl_expect(fd, nlh);
}

static ssize_t send_to(int fd, struct nlmsghdr *nlh, int family, uint32_t pid, socklen_t len)
{
	struct sockaddr_nl to = { .nl_family = family, .nl_pid = pid };

	return sendto(fd, nlh, nlh->nlmsg_len, 0, (struct sockaddr *)&to, len);
}

static void destinations(void)
{
	socklen_t len = sizeof(struct sockaddr_nl);
	struct nlmsghdr *nlh = nl_getfamily();
	int fd = nl_open(SOCK_RAW);

	SAME(send_to(fd, nlh, AF_NETLINK, 0, len), nlh->nlmsg_len);
	nl_expect(fd, nlh);
	FAILS(send_to(fd, nlh, AF_NETLINK, 0x7ffffff0, len), ECONNREFUSED);
	FAILS(send_to(fd, nlh, AF_INET, 0, len), EINVAL);
	FAILS(send_to(fd, nlh, AF_NETLINK, 0, len - 1), EINVAL);
}

static void sender(void)
{
	struct sockaddr_nl from;
	socklen_t len = sizeof(from);
	struct nlmsghdr *nlh;
	int fd = asked(&nlh);

	memset(&from, 0xff, sizeof(from));
	nl_expect_reply(buf, recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len),
			nlh);
	SAME(len, sizeof(from));
	SAME(from.nl_family, AF_NETLINK);
	SAME(from.nl_pid, 0);
	SAME(from.nl_groups, 0);
	SAME(((struct nlmsghdr *)buf)->nlmsg_pid, nl_port(fd));
	from.nl_pid = 99;
	len = 4;
	CHECK(recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len) > 0);
	SAME(len, sizeof(from));
	SAME(from.nl_pid, 99);
}

static void message_names(void)
{
	struct sockaddr_nl from = { 0 };
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = { .msg_name = &from,
			      .msg_namelen = 100,
			      .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_flags = -1 };
	struct nlmsghdr *nlh;
	int fd = asked(&nlh);

	nl_expect_reply(buf, recvmsg(fd, &msg, 0), nlh);
	SAME(msg.msg_namelen, sizeof(from));
	SAME(from.nl_family, AF_NETLINK);
	SAME(msg.msg_flags, 0);
	SAME(msg.msg_controllen, 0);
	msg.msg_name = NULL;
	nl_expect_ack(buf, recvmsg(fd, &msg, 0), nlh);
}

static void peek(void)
{
	struct nlmsghdr *nlh;
	int fd = asked(&nlh);
	char little[7];
	long len = recv(fd, NULL, 0, MSG_PEEK | MSG_TRUNC);

	CHECK(len > NLMSG_HDRLEN);
	SAME(recv(fd, little, sizeof(little), MSG_PEEK), sizeof(little));
	SAME(recv(fd, little, sizeof(little), MSG_PEEK | MSG_TRUNC), len);
	SAME(recv(fd, buf, sizeof(buf), MSG_PEEK), len);
	nl_expect_reply(buf, len, nlh);
	memset(buf, 0, sizeof(buf));
	nl_expect(fd, nlh);
}

static void truncated(void)
{
	char little[20];
	struct iovec iov = { little, sizeof(little) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct nlmsghdr *nlh;
	int fd = asked(&nlh);

	SAME(recvmsg(fd, &msg, 0), sizeof(little));
	SAME(msg.msg_flags, MSG_TRUNC);
	/* The rest of it is gone. */
	iov.iov_len = 3;
	CHECK(recvmsg(fd, &msg, MSG_TRUNC) >= (long)NLMSG_LENGTH(sizeof(struct nlmsgerr)));
	SAME(msg.msg_flags, MSG_TRUNC);
	FAILS(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
}

static void nothing_there(void)
{
	int fd = nl_open(SOCK_RAW);
	struct pollfd p = { fd, POLLIN | POLLOUT, 0 };

	FAILS(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
	SAME(poll(&p, 1, 0), 1);
	SAME(p.revents, POLLOUT);
	SAME(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	FAILS(recv(fd, buf, sizeof(buf), 0), EAGAIN);
}

static void receive_timeout(void)
{
	struct timeval tv = { .tv_usec = 20000 };
	int fd = nl_open(SOCK_RAW);

	SAME(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	FAILS(recv(fd, buf, sizeof(buf), 0), EAGAIN);
}

/* A kernel has answered when send() returns; so who does not wait finds all of it. */
static void answer_is_there(void)
{
	for (int i = 0; i < 50; i++) {
		struct nlmsghdr *nlh;
		int fd = asked(&nlh);

		nl_expect_reply(buf, recv(fd, buf, sizeof(buf), MSG_DONTWAIT), nlh);
		nl_expect_ack(buf, recv(fd, buf, sizeof(buf), MSG_DONTWAIT), nlh);
		FAILS(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
		close(fd);
	}
}

static void answer_nonblocking(void)
{
	int on = 1,
	    fds[3] = { nl_open(SOCK_RAW | SOCK_NONBLOCK), nl_open(SOCK_RAW), nl_open(SOCK_RAW) };

	SAME(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
	SAME(ioctl(fds[2], FIONBIO, &on), 0);
	for (int i = 0; i < 3; i++) {
		struct nlmsghdr *nlh = nl_getfamily();

		nl_send(fds[i], nlh);
		nl_expect(fds[i], nlh);
		FAILS(recv(fds[i], buf, sizeof(buf), 0), EAGAIN);
	}
}

static void answer_polled(void)
{
	struct timespec zero = { 0 };
	struct nlmsghdr *nlh;

	for (int i = 0; i < 50; i++) {
		struct pollfd p = { asked(&nlh), POLLIN, 0 };

		SAME(i % 2 ? poll(&p, 1, 0) : ppoll(&p, 1, &zero, NULL), 1);
		SAME(p.revents, POLLIN);
		nl_expect(p.fd, nlh);
		SAME(poll(&p, 1, 0), 0);
		close(p.fd);
	}
}

static void answer_selected(void)
{
	struct timespec zero = { 0 };
	struct timeval none = { 0 };
	struct nlmsghdr *nlh;

	for (int i = 0; i < 50; i++) {
		int fd = asked(&nlh);
		fd_set set;

		FD_ZERO(&set);
		FD_SET(fd, &set);
		SAME(i % 2 ? select(fd + 1, &set, NULL, NULL, &none)
			   : pselect(fd + 1, &set, NULL, NULL, &zero, NULL),
		     1);
		CHECK(FD_ISSET(fd, &set));
		nl_expect(fd, nlh);
		SAME(select(fd + 1, &set, NULL, NULL, &none), 0);
		CHECK(!FD_ISSET(fd, &set));
		close(fd);
	}
}

static void answer_by_epoll(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	int ep = keep_fd(epoll_create1(0));

	for (int i = 0; i < 50; i++) {
		struct nlmsghdr *nlh = nl_getfamily();
		int fd = nl_open(SOCK_RAW);

		event.data.fd = fd;
		SAME(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event), 0);
		nl_send(fd, nlh);
		SAME(epoll_wait(ep, &event, 1, 0), 1);
		SAME(event.data.fd, fd);
		nl_expect(fd, nlh);
		SAME(epoll_wait(ep, &event, 1, 0), 0);
		close(fd);
	}
}

/* Receives a whole dump; returns how many families it told. */
static int read_dump(int fd, const struct nlmsghdr *request, size_t cap, int flags)
{
	int count = 0;

	for (;;) {
		ssize_t len = recv(fd, buf, cap, flags);

		CHECK(len > 0);
		for (struct nlmsghdr *nlh = (void *)buf; NLMSG_OK(nlh, len);
		     nlh = NLMSG_NEXT(nlh, len)) {
			SAME(nlh->nlmsg_seq, request->nlmsg_seq);
			CHECK(nlh->nlmsg_flags & NLM_F_MULTI);
			if (nlh->nlmsg_type == NLMSG_DONE)
				return count;
			count++;
		}
	}
}

static void dump(void)
{
	static const int flags[] = { 0, MSG_DONTWAIT };
	int fd = nl_open(SOCK_RAW);

	for (int i = 0; i < 2; i++) {
		struct nlmsghdr *nlh = nl_getfamilies();

		nl_send(fd, nlh);
		CHECK(read_dump(fd, nlh, 8192, flags[i]) >= 1);
		FAILS(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
	}
}

static void error_answer(void)
{
	struct nlmsghdr *nlh = nl_request(GENL_ID_CTRL, NLM_F_ACK, CTRL_CMD_GETFAMILY);
	int fd = nl_open(SOCK_RAW);

	nl_put(nlh, CTRL_ATTR_FAMILY_NAME, "nonesuch", 9);
	nl_send(fd, nlh);
	CHECK(recv(fd, buf, sizeof(buf), 0) >= (long)NLMSG_LENGTH(sizeof(struct nlmsgerr)));
	nlh = (void *)buf;
	SAME(nlh->nlmsg_type, NLMSG_ERROR);
	SAME(((struct nlmsgerr *)NLMSG_DATA(nlh))->error, -ENOENT);
}

static struct cmsghdr *control_of(int fd, struct msghdr *msg, void *room, size_t size)
{
	static struct iovec iov = { buf, sizeof(buf) };

	memset(room, 0, size);
	*msg = (struct msghdr){
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = size
	};
	CHECK(recvmsg(fd, msg, 0) > 0);
	return CMSG_FIRSTHDR(msg);
}

static void credentials(void)
{
	char room[256] __attribute__((aligned(8)));
	struct ucred creds;
	struct msghdr msg;
	struct nlmsghdr *nlh = nl_getfamily();
	int fd = nl_open(SOCK_RAW), on = 1;

	SAME(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, 4), 0);
	nl_send(fd, nlh);
	struct cmsghdr *cmsg = control_of(fd, &msg, room, sizeof(room));
	CHECK(cmsg);
	SAME(cmsg->cmsg_level, SOL_SOCKET);
	SAME(cmsg->cmsg_type, SCM_CREDENTIALS);
	SAME(cmsg->cmsg_len, CMSG_LEN(sizeof(creds)));
	memcpy(&creds, CMSG_DATA(cmsg), sizeof(creds));
	SAME(creds.pid, 0);
	SAME(creds.uid, 0);
	SAME(creds.gid, 0);
	SAME(msg.msg_controllen, CMSG_SPACE(sizeof(creds)));
	SAME(msg.msg_flags, 0);
}

static void packet_info(void)
{
	char room[256] __attribute__((aligned(8)));
	struct nl_pktinfo info;
	struct msghdr msg;
	struct nlmsghdr *nlh = nl_getfamily();
	int fd = nl_open(SOCK_RAW), on = 1, off = 0;

	SAME(setsockopt(fd, SOL_NETLINK, NETLINK_PKTINFO, &on, 4), 0);
	SAME(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, 4), 0);
	nl_send(fd, nlh);
	struct cmsghdr *cmsg = control_of(fd, &msg, room, sizeof(room));
	CHECK(cmsg);
	SAME(cmsg->cmsg_level, SOL_NETLINK);
	SAME(cmsg->cmsg_type, NETLINK_PKTINFO);
	memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
	SAME(info.group, 0);
	cmsg = CMSG_NXTHDR(&msg, cmsg);
	CHECK(cmsg);
	SAME(cmsg->cmsg_type, SCM_CREDENTIALS);
	SAME(msg.msg_controllen, CMSG_SPACE(sizeof(info)) + CMSG_SPACE(sizeof(struct ucred)));
	SAME(setsockopt(fd, SOL_NETLINK, NETLINK_PKTINFO, &off, 4), 0);
	cmsg = control_of(fd, &msg, room, sizeof(room));
	CHECK(cmsg);
	SAME(cmsg->cmsg_type, SCM_CREDENTIALS);
}

static void control_short(void)
{
	char room[64] __attribute__((aligned(8)));
	struct msghdr msg;
	struct nlmsghdr *nlh = nl_getfamily();
	int fd = nl_open(SOCK_RAW), on = 1;

	SAME(setsockopt(fd, SOL_NETLINK, NETLINK_PKTINFO, &on, 4), 0);
	nl_send(fd, nlh);
	control_of(fd, &msg, room, sizeof(struct cmsghdr) - 1);
	SAME(msg.msg_flags, MSG_CTRUNC);
	SAME(msg.msg_controllen, 0);
	control_of(fd, &msg, room, CMSG_LEN(2));
	SAME(msg.msg_flags, MSG_CTRUNC);
	SAME(((struct cmsghdr *)room)->cmsg_len, CMSG_LEN(2));
}

/* Each of many messages comes with its sender and its control data, peeked at or not. */
static void many_senders(void)
{
	static char room[2][8192], control[2][64] __attribute__((aligned(8)));
	struct sockaddr_nl from[2];
	struct mmsghdr recvs[2];
	struct iovec in[2];
	struct nlmsghdr *nlh = nl_getfamily();
	int fd = nl_open(SOCK_RAW), on = 1;

	SAME(setsockopt(fd, SOL_NETLINK, NETLINK_PKTINFO, &on, 4), 0);
	nl_send(fd, nlh);
	for (int turn = 0; turn < 2; turn++) {
		for (int i = 0; i < 2; i++) {
			memset(&from[i], 0xff, sizeof(from[i]));
			in[i] = (struct iovec){ room[i], sizeof(room[i]) };
			recvs[i].msg_hdr =
				(struct msghdr){ &from[i], 64, &in[i], 1, control[i], 64 };
		}
		/* Peeking gets the first one again and again. */
		SAME(recvmmsg(fd, recvs, 2, turn ? 0 : MSG_PEEK, NULL), 2);
		for (int i = 0; i < 2; i++) {
			SAME(recvs[i].msg_hdr.msg_namelen, sizeof(from[i]));
			SAME(from[i].nl_family, AF_NETLINK);
			SAME(from[i].nl_pid, 0);
			SAME(recvs[i].msg_hdr.msg_controllen,
			     CMSG_SPACE(sizeof(struct nl_pktinfo)));
			SAME(((struct cmsghdr *)control[i])->cmsg_type, NETLINK_PKTINFO);
		}
		nl_expect_reply(room[0], recvs[0].msg_len, nlh);
		if (turn)
			nl_expect_ack(room[1], recvs[1].msg_len, nlh);
		else
			nl_expect_reply(room[1], recvs[1].msg_len, nlh);
	}
}

/* A socket has no place to seek to; -1 means that none is meant. */
static void offsets(void)
{
	struct nlmsghdr *nlh = nl_getfamily();
	struct iovec out = { nlh, nlh->nlmsg_len }, in = { buf, sizeof(buf) };
	int fd = nl_open(SOCK_RAW);

	FAILS(pread(fd, buf, 10, 0), ESPIPE);
	FAILS(pwrite(fd, nlh, nlh->nlmsg_len, 0), ESPIPE);
	FAILS(preadv(fd, &in, 1, 0), ESPIPE);
	FAILS(lseek(fd, 0, SEEK_SET), ESPIPE);
	SAME(pwritev2(fd, &out, 1, -1, 0), nlh->nlmsg_len);
	nl_expect_reply(buf, preadv2(fd, &in, 1, -1, 0), nlh);
	nl_expect_ack(buf, preadv2(fd, &in, 1, -1, 0), nlh);
}

static void controls(void)
{
	struct nlmsghdr *nlh;
	int fd = asked(&nlh), size = -5;

	FAILS(ioctl(fd, FIONREAD, &size), ENOTTY);
	FAILS(ioctl(fd, TIOCOUTQ, &size), ENOTTY);
	FAILS(ioctl(fd, 0x1234, &size), ENOTTY);
	SAME(size, -5);
	nl_expect(fd, nlh);
}

static void interrupted(void)
{
	int fd = nl_open(SOCK_RAW);

	begin_storm(20000, 0);
	FAILS(recv(fd, buf, sizeof(buf), 0), EINTR);
	end_storm();
}

/* What a message with one piece of ancillary data, of `len` data bytes, gives. */
static long send_with(int fd, int level, int type, const void *data, size_t len, size_t told_len)
{
	char room[CMSG_SPACE(64)] __attribute__((aligned(8))) = { 0 };
	struct nlmsghdr *nlh = nl_getfamily();
	struct iovec iov = { nlh, nlh->nlmsg_len };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = room,
			      .msg_controllen = CMSG_SPACE(len) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	long sent;

	cmsg->cmsg_level = level;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = told_len;
	memcpy(CMSG_DATA(cmsg), data, len);
	sent = sendmsg(fd, &msg, 0);
	if (sent == (long)nlh->nlmsg_len)
		nl_expect(fd, nlh);
	return sent;
}

/* Netlink takes no descriptors; of what else comes along it looks at the form. */
static void send_control(void)
{
	int fd = nl_open(SOCK_RAW), null = keep_fd(open("/dev/null", O_RDONLY));
	struct ucred me = { getpid(), getuid(), getgid() };

	FAILS(send_with(fd, SOL_SOCKET, SCM_RIGHTS, &null, 4, CMSG_LEN(4)), EINVAL);
	FAILS(send_with(fd, SOL_SOCKET, 77, &null, 4, CMSG_LEN(4)), EINVAL);
	FAILS(send_with(fd, SOL_SOCKET, SCM_CREDENTIALS, &me, 8, CMSG_LEN(8)), EINVAL);
	FAILS(send_with(fd, SOL_NETLINK, 1, &null, 4, CMSG_LEN(60)), EINVAL);
	FAILS(send_with(fd, SOL_NETLINK, 1, &null, 4, 3), EINVAL);
	CHECK(send_with(fd, SOL_NETLINK, 1, &null, 4, CMSG_LEN(4)) > 0);
	CHECK(send_with(fd, SOL_SOCKET, SCM_CREDENTIALS, &me, sizeof(me), CMSG_LEN(sizeof(me))) >
	      0);
	FAILS(recv(fd, &null, sizeof(null), MSG_DONTWAIT), EAGAIN);
}

const struct behaviour behave_io[] = {
	{ "io: send and recv", send_recv },
	{ "io: write and read", write_read },
	{ "io: writev and readv", vectors },
	{ "io: sendmmsg and recvmmsg", many_messages },
	{ "io: sendmmsg and recvmmsg with names", many_senders },
	{ "io: offsets", offsets, WAY_KERNEL | WAY_SECCOMPS },
	{ "io: ioctl", controls },
	{ "io: two requests in one datagram", two_in_one },
	{ "io: what is no request", no_request },
	{ "io: what cannot be sent", send_wrong },
	{ "io: destinations", destinations },
	{ "io: what is sent along", send_control },
	{ "io: error answer", error_answer },
	{ "io: sender", sender },
	{ "io: sender in recvmsg", message_names },
	{ "io: MSG_PEEK", peek },
	{ "io: MSG_TRUNC", truncated },
	{ "io: nothing there", nothing_there },
	{ "io: SO_RCVTIMEO", receive_timeout },
	{ "io: EINTR", interrupted },
	{ "io: the answer is there after send", answer_is_there },
	{ "io: on a non-blocking socket", answer_nonblocking },
	{ "io: poll finds it", answer_polled },
	{ "io: select finds it", answer_selected },
	{ "io: epoll finds it", answer_by_epoll },
	{ "io: dump", dump },
	{ "io: SO_PASSCRED", credentials },
	{ "io: NETLINK_PKTINFO", packet_info },
	{ "io: control cut short", control_short },
	{ NULL, NULL },
};
