/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz_packet.c - any packets of attach/wire.h to a server, with any descriptors. It answers, or
 * closes the connection, in time; what it sends is decoded to the last byte; and the session is
 * gone when its client is.
 *
 * The input is packets: a length (16 bits, little-endian), how many descriptors come along, which
 * (2 bits each), then the packet, with or without a header.
 */
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "attach/wire.h"
#include "base/die.h"
#include "server/server-private.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/plane.h"

#define PACKETS_MAX 16
#define FDS_MAX 6
#define DEADLINE_MS 60000

struct record {
	uint8_t len[2];
	uint8_t fds, which;
};

/* Which descriptors: a token, a namespace, a file, the end of a pipe that nobody can write. */
enum { TOKEN, NETNS, MEMFD, READ_END, PIDFD };

/* Of record.fds: the file is a pidfd, our own. */
#define FDS_PIDFD 0x80

static struct {
	struct fl_server *server;
	struct sockaddr_un addr;
	socklen_t addr_len;
	int token[2]; /* of the packets; nobody waits for these */
	int fd[5];
} fuzz;

static unsigned char datagram[FL_IO_DATAGRAM_MAX] __attribute__((aligned(8)));

/* ---- the server ------------------------------------------------------------------- */

static int listen_somewhere(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	/* No path: the kernel chooses a name of its own. */
	fuzz.addr.sun_family = AF_UNIX;
	fl_assert(fd >= 0 && !bind(fd, (struct sockaddr *)&fuzz.addr, sizeof(sa_family_t)));
	fl_assert(!listen(fd, 16));
	fuzz.addr_len = sizeof(fuzz.addr);
	fl_assert(!getsockname(fd, (struct sockaddr *)&fuzz.addr, &fuzz.addr_len));
	return fd;
}

static void server_stop(void)
{
	fl_server_free(fuzz.server);
	fuzz.server = NULL;
}

/* Before the plane, which stops at the end too: what is registered later runs first. */
static void prepare_once(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	atexit(server_stop);
	fl_assert(!pipe2(fuzz.token, O_CLOEXEC | O_NONBLOCK));
	fuzz.fd[TOKEN] = fuzz.token[1];
	fuzz.fd[NETNS] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	fuzz.fd[MEMFD] = memfd_create("fuzz", MFD_CLOEXEC);
	fuzz.fd[READ_END] = fuzz.token[0];
	fuzz.fd[PIDFD] = (int)syscall(SYS_pidfd_open, getpid(), 0);
	for (unsigned int i = 0; i < FL_ARRAY_SIZE(fuzz.fd); i++)
		fl_assert(fuzz.fd[i] >= 0);
}

static void server_start(void)
{
	struct fl_plane *plane = fuzz_plane();
	struct fl_server_config config = { .io_threads = 1, .private_plane = true };

	prepare_once();
	if (fuzz.server)
		return;
	config.listen_fd = listen_somewhere();
	fl_assert(!fl_server_new(plane, &config, &fuzz.server));
}

/* ---- a client --------------------------------------------------------------------- */

static int client_open(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	fl_assert(fd >= 0);
	fl_assert(!connect(fd, (struct sockaddr *)&fuzz.addr, fuzz.addr_len));
	return fd;
}

/* Reads what there is. False once the server has closed. */
static bool client_read(int fd)
{
	ssize_t len;

	while ((len = recv(fd, datagram, sizeof(datagram), MSG_DONTWAIT | MSG_TRUNC)) > 0) {
		fl_assert((size_t)len <= sizeof(datagram));
		fl_assert(fuzz_check_messages(datagram, len));
	}
	return len < 0 && errno == EAGAIN;
}

/* False once the server has closed. */
static bool client_send(int fd, const void *packet, size_t len, const int *fds, unsigned int count)
{
	char control[CMSG_SPACE(FDS_MAX * sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct iovec iov = { (void *)packet, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct pollfd wait = { .fd = fd, .events = POLLIN | POLLOUT };

	if (count) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		*CMSG_FIRSTHDR(&msg) = (struct cmsghdr){ CMSG_LEN(count * sizeof(int)), SOL_SOCKET,
							 SCM_RIGHTS };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), fds, count * sizeof(int));
	}
	while (sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
		if (errno != EAGAIN)
			return false;
		fl_assert(poll(&wait, 1, DEADLINE_MS) > 0);
		if (!client_read(fd))
			return false;
	}
	return true;
}

/* Waits until everything that was asked has been answered, or the server has closed. */
static void client_sync(int fd)
{
	struct fl_wire_hdr hdr = { .version = FL_WIRE_VERSION, .kind = FL_WIRE_NAME,
				   .flags = FL_WIRE_F_TOKEN, .rcvmax = sizeof(datagram) };
	struct fl_wire_reply reply;
	struct pollfd wait[2] = { { .fd = fd, .events = POLLIN }, { .events = POLLIN } };
	int token[2];
	bool open;

	fl_assert(!pipe2(token, O_CLOEXEC));
	open = client_send(fd, &hdr, sizeof(hdr), &token[1], 1);
	close(token[1]);
	wait[1].fd = token[0];
	while (open) {
		fl_assert(poll(wait, 2, DEADLINE_MS) > 0);
		open = client_read(fd);
		if (wait[1].revents)
			break;
	}
	if (open && read(token[0], &reply, sizeof(reply)) > 0)
		fl_assert(!reply.error);
	close(token[0]);
}

/* ---- one input -------------------------------------------------------------------- */

/* Sends one packet of the input; how much of it that was, 0 at the end. */
static size_t send_record(int fd, const uint8_t *data, size_t size)
{
	const struct record *record = (const struct record *)data;
	int fds[FDS_MAX];
	size_t len;

	if (size < sizeof(*record))
		return 0;
	len = record->len[0] | record->len[1] << 8;
	if (len > size - sizeof(*record))
		len = size - sizeof(*record);
	for (unsigned int i = 0; i < FDS_MAX; i++) {
		unsigned int which = record->which >> 2 * i & 3;

		fds[i] = fuzz.fd[which == MEMFD && record->fds & FDS_PIDFD ? PIDFD : which];
	}
	if (!len || !client_send(fd, record + 1, len, fds,
				 (record->fds & ~FDS_PIDFD) % (FDS_MAX + 1)))
		return 0;
	return sizeof(*record) + len;
}

static void empty_files(void)
{
	while (read(fuzz.token[0], datagram, sizeof(datagram)) > 0)
		;
	fl_assert(!ftruncate(fuzz.fd[MEMFD], 0));
}

static void await_sessions(void)
{
	uint64_t start = fl_now_ns();

	while (__atomic_load_n(&fuzz.server->sessions, __ATOMIC_RELAXED)) {
		fl_assert(fl_now_ns() - start < FUZZ_DEADLINE_NS);
		usleep(20);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t step;
	int fd;

	server_start();
	fd = client_open();
	for (int i = 0; i < PACKETS_MAX; i++) {
		step = send_record(fd, data, size);
		if (!step)
			break;
		data += step;
		size -= step;
	}
	client_sync(fd);
	close(fd);
	await_sessions();
	empty_files();
	if (fuzz_plane_settle()) {
		server_stop();
		fuzz_plane_drop();
	}
	return 0;
}
