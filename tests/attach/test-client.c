// SPDX-License-Identifier: LGPL-2.1-or-later
/* test-client.c - the client library, against fakeplane.py (its path is argument 1). */
#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "attach/client.h"
#include "attach/wire.h"

#define TIMEOUT_MS 10000
enum { FAMILY = 0x16, GET = 1, PORT_NEW = 7, PORT_DEL = 8, OVERRUN = 27, RELOAD = 37 };
enum { NETNS_FD = 138, DELAY = 190, RCVMAX = 192, INODE = 195 };

static const char *fakeplane;
static char dir[] = "/tmp/finelink-client-XXXXXX";
static char path[64];
static pid_t plane;

struct request {
	struct nlmsghdr nlh;
	struct genlmsghdr genl;
	struct nlattr attr;
	uint32_t value;
};

static struct request make(struct fl_link *link, uint16_t flags, uint8_t cmd)
{
	return (struct request){
		.nlh = { NLMSG_HDRLEN + GENL_HDRLEN, FAMILY, NLM_F_REQUEST | flags,
			 fl_link_seq(link), 0 },
		.genl = { .cmd = cmd, .version = 1 },
	};
}

static void put(struct request *request, uint16_t type, uint32_t value)
{
	request->attr = (struct nlattr){ NLA_HDRLEN + 4, type };
	request->value = value;
	request->nlh.nlmsg_len = sizeof(*request);
}

static struct fl_link *open_link(void)
{
	struct fl_link_error error = { "" };
	struct fl_link *link = NULL;

	if (fl_link_open(path, -1, &link, &error))
		fail_msg("%s", error.text);
	return link;
}

static int start_plane(void **state)
{
	int out[2], in[2];
	char line[8];

	if (!mkdtemp(dir) || pipe2(out, O_CLOEXEC) || pipe2(in, O_CLOEXEC))
		return -1;
	snprintf(path, sizeof(path), "%s/plane", dir);
	plane = fork();
	if (plane == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl("/usr/bin/python3", "python3", fakeplane, path, (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	close(in[0]);
	*state = (void *)(long)in[1];
	return read(out[0], line, sizeof(line)) == 6 ? 0 : -1;
}

static int stop_plane(void **state)
{
	close((int)(long)*state);
	waitpid(plane, NULL, 0);
	unlink(path);
	return rmdir(dir);
}

static void test_path(void **state)
{
	char got[108];
	struct fl_link_error error;

	setenv(FL_WIRE_ENV, "/x/y", 1);
	assert_int_equal(fl_link_path(NULL, got, sizeof(got), &error), 0);
	assert_string_equal(got, "/x/y");
	assert_int_equal(fl_link_path("/a", got, sizeof(got), &error), 0);
	assert_string_equal(got, "/a");
	assert_int_equal(fl_link_path("b", got, sizeof(got), &error), 0);
	assert_int_equal(got[0], '/');
	assert_string_equal(strrchr(got, '/'), "/b");
	assert_int_equal(fl_link_path("", got, sizeof(got), &error), -EINVAL);
	char tooling[200];
	memset(tooling, 'x', sizeof(tooling));
	tooling[0] = '/';
	tooling[199] = '\0';
	assert_int_equal(fl_link_path(tooling, got, sizeof(got), &error), -ENAMETOOLONG);
	assert_non_null(strstr(error.text, "107"));
	assert_int_equal(fl_link_path("/a", got, 2, NULL), -ENAMETOOLONG);
	unsetenv(FL_WIRE_ENV);
	setenv("XDG_RUNTIME_DIR", "/run/user/5", 1);
	assert_int_equal(fl_link_path(NULL, got, sizeof(got), &error), 0);
	assert_string_equal(got, geteuid() ? "/run/user/5/finelink.sock" : FL_WIRE_SOCKET_ROOT);
	setenv(FL_WIRE_ENV, "", 1); /* as if it was not set */
	assert_int_equal(fl_link_path(NULL, got, sizeof(got), &error), 0);
	assert_string_equal(got, geteuid() ? "/run/user/5/finelink.sock" : FL_WIRE_SOCKET_ROOT);
	unsetenv(FL_WIRE_ENV);
}

static void test_open_fails(void **state)
{
	char other[sizeof(path) + 8];
	struct fl_link_error error = { "" };
	struct fl_link *link = NULL;

	snprintf(other, sizeof(other), "%s/none", dir);
	assert_int_equal(fl_link_open(other, -1, &link, &error), -ENOENT);
	assert_non_null(strstr(error.text, other));
	assert_non_null(strstr(error.text, "finelinkd"));
	assert_null(link);

	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", other);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(fl_link_open(other, -1, &link, &error), -ECONNREFUSED);
	close(fd);
	unlink(other);
	/* Something that is no namespace. */
	fd = open("/dev/null", O_RDONLY);
	assert_int_equal(fl_link_open(path, fd, &link, &error), -EINVAL);
	close(fd);
	assert_null(link);
}

static int count_message(const struct nlmsghdr *msg, void *arg)
{
	++*(int *)arg;
	return 0;
}

static void test_talk(void **state)
{
	struct fl_link *link = open_link();
	struct fl_link_error error = { "" };
	struct request request = make(link, NLM_F_ACK, GET);
	int count = 0;

	assert_int_equal(
		fl_link_talk(link, &request.nlh, -1, TIMEOUT_MS, count_message, &count, &error), 0);
	assert_int_equal(count, 1);
	request = make(link, NLM_F_ACK, 99);
	assert_int_equal(fl_link_talk(link, &request.nlh, -1, TIMEOUT_MS, NULL, NULL, &error),
			 -EOPNOTSUPP);
	assert_string_not_equal(error.text, "");
	request = make(link, NLM_F_DUMP, CTRL_CMD_GETFAMILY);
	request.nlh.nlmsg_type = GENL_ID_CTRL;
	count = 0;
	assert_int_equal(
		fl_link_talk(link, &request.nlh, -1, TIMEOUT_MS, count_message, &count, &error), 0);
	assert_int_equal(count, 202);
	fl_link_free(link);
}

static int stop_at(const struct nlmsghdr *msg, void *arg)
{
	return -ECANCELED;
}

static void test_talk_ends_early(void **state)
{
	struct fl_link *link = open_link();
	struct request request = make(link, NLM_F_ACK, GET);

	assert_int_equal(fl_link_talk(link, &request.nlh, -1, TIMEOUT_MS, stop_at, NULL, NULL),
			 -ECANCELED);
	/* What is left of that answer does not confuse the next. */
	request = make(link, NLM_F_ACK, GET);
	assert_int_equal(fl_link_talk(link, &request.nlh, -1, TIMEOUT_MS, NULL, NULL, NULL), 0);
	request = make(link, NLM_F_ACK, PORT_NEW);
	put(&request, DELAY, 200);
	assert_int_equal(fl_link_talk(link, &request.nlh, -1, 20, NULL, NULL, NULL), -ETIMEDOUT);
	request = make(link, NLM_F_ACK, PORT_DEL);
	assert_int_equal(fl_link_talk(link, &request.nlh, -1, TIMEOUT_MS, NULL, NULL, NULL),
			 -ECONNRESET);
	fl_link_free(link);
}

static void test_family(void **state)
{
	struct fl_link *link = open_link();
	uint16_t id = 0;
	uint32_t group = 0;

	assert_int_equal(fl_link_family(link, "devlink", "config", TIMEOUT_MS, &id, &group), 0);
	assert_int_equal(id, FAMILY);
	assert_int_equal(group, 7);
	assert_int_equal(fl_link_family(link, "nonesuch", NULL, TIMEOUT_MS, &id, NULL), -ENOENT);
	assert_int_equal(fl_link_family(link, "devlink", "none", TIMEOUT_MS, &id, &group), -ENOENT);
	assert_int_equal(
		fl_link_family(link, "a name that is too long", NULL, TIMEOUT_MS, &id, NULL),
		-ENOENT);
	fl_link_free(link);
}

static ssize_t wait_recv(struct fl_link *link, void *buf, size_t cap)
{
	struct pollfd p = { fl_link_fd(link), POLLIN, 0 };

	assert_int_equal(poll(&p, 1, TIMEOUT_MS), 1);
	return fl_link_recv(link, buf, cap);
}

static void test_send_recv(void **state)
{
	struct fl_link *link = open_link();
	struct request request = make(link, 0, OVERRUN);
	char buf[4096];

	assert_int_equal(fl_link_recv(link, buf, sizeof(buf)), -EAGAIN);
	assert_int_equal(fl_link_send(link, &request.nlh, request.nlh.nlmsg_len, -1), 0);
	assert_int_equal(wait_recv(link, buf, sizeof(buf)), NLMSG_HDRLEN + GENL_HDRLEN);
	assert_int_equal(wait_recv(link, buf, sizeof(buf)), -ENOBUFS);
	assert_int_equal(wait_recv(link, buf, 8), -EMSGSIZE);
	static char big[FL_WIRE_MSG_MAX + 1];
	assert_int_equal(fl_link_send(link, big, sizeof(big), -1), -EMSGSIZE);
	request = make(link, 0, PORT_DEL);
	assert_int_equal(fl_link_send(link, &request.nlh, request.nlh.nlmsg_len, -1), 0);
	assert_int_equal(wait_recv(link, buf, sizeof(buf)), -ECONNRESET);
	assert_int_equal(fl_link_send(link, &request.nlh, request.nlh.nlmsg_len, -1), -ECONNRESET);
	fl_link_free(link);
}

/* A plane that does not read: sending says so and does not wait. */
static void test_send_full(void **state)
{
	struct fl_link *link = open_link();
	struct request request = make(link, 0, PORT_NEW);
	int err, sent = 0;

	put(&request, DELAY, 100);
	while (!(err = fl_link_send(link, &request.nlh, request.nlh.nlmsg_len, -1)) &&
	       sent < 100000)
		sent++;
	assert_int_equal(err, -EAGAIN);
	fl_link_free(link);
}

static int keep_value(const struct nlmsghdr *msg, void *arg)
{
	memcpy(arg, (char *)NLMSG_DATA(msg) + GENL_HDRLEN + NLA_HDRLEN, 4);
	return 0;
}

static void test_namespace(void **state)
{
	struct fl_link *link = open_link();
	struct request request = make(link, NLM_F_ACK, RELOAD);
	int ns = open("/proc/self/ns/net", O_RDONLY);
	uint32_t inode = 0;
	struct stat st;

	assert_int_equal(fstat(ns, &st), 0);
	put(&request, NETNS_FD, ns);
	assert_int_equal(fl_link_talk(link, &request.nlh, ns, TIMEOUT_MS, keep_value, &inode, NULL),
			 0);
	assert_int_equal(inode, (uint32_t)st.st_ino);
	fl_link_free(link);
	close(ns);
}

static void test_bind(void **state)
{
	struct fl_link *link = open_link(), *other = open_link();
	uint32_t port = 0, second = 0;
	char buf[256];

	assert_int_equal(fl_link_bind(link, 1 << 6, TIMEOUT_MS, &port), 0);
	assert_int_equal(fl_link_bind(other, 0, TIMEOUT_MS, &second), 0);
	assert_int_not_equal(port, 0);
	assert_int_not_equal(port, second);
	assert_int_equal(fl_link_bind(link, 0, TIMEOUT_MS, &port), -EINVAL);
	struct request request = make(other, NLM_F_ACK, PORT_NEW);
	assert_int_equal(fl_link_talk(other, &request.nlh, -1, TIMEOUT_MS, NULL, NULL, NULL), 0);
	assert_int_equal(wait_recv(link, buf, sizeof(buf)), NLMSG_HDRLEN + GENL_HDRLEN);
	fl_link_free(link);
	fl_link_free(other);
}

static void test_inspect(void **state)
{
	struct fl_link *link = open_link();
	struct fl_link_error error = { "" };
	char *json = NULL;

	assert_int_equal(fl_link_inspect(link, "instances", TIMEOUT_MS, &json, &error), 0);
	assert_string_equal(json, "{\"instances\":[]}");
	free(json);
	json = NULL;
	assert_int_equal(fl_link_inspect(link, "weather", TIMEOUT_MS, &json, &error), -ENOENT);
	assert_null(json);
	assert_non_null(strstr(error.text, "weather"));
	fl_link_free(link);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path),	  cmocka_unit_test(test_open_fails),
		cmocka_unit_test(test_talk),	  cmocka_unit_test(test_talk_ends_early),
		cmocka_unit_test(test_family),	  cmocka_unit_test(test_send_recv),
		cmocka_unit_test(test_send_full), cmocka_unit_test(test_namespace),
		cmocka_unit_test(test_bind),	  cmocka_unit_test(test_inspect),
	};

	if (argc != 2) {
		fprintf(stderr, "usage: test-client FAKEPLANE\n");
		return 2;
	}
	fakeplane = argv[1];
	return cmocka_run_group_tests(tests, start_plane, stop_plane);
}
