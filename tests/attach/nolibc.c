// SPDX-License-Identifier: LGPL-2.1-or-later
/* nolibc.c - a devlink client without a C library: nothing but raw system calls, which no
 * preloaded library sees. Prints the handle of each port, one a line. */
#include <asm/unistd.h>
#include <linux/devlink.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>

#define MAX_ERRNO 4095

void *memcpy(void *to, const void *from, unsigned long len);
void *memset(void *to, int byte, unsigned long len);
_Noreturn void run(void);

static long call(long nr, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
#else
#error "the system calls of this machine are not known here"
#endif
}

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tand $-16, %rsp\n\tcall run\n");
#else
__asm__(".globl _start\n_start:\n\tmov x29, #0\n\tbl run\n");
#endif

/* What the compiler may call. The barriers keep it from calling them in themselves. */
void *memcpy(void *to, const void *from, unsigned long len)
{
	for (unsigned long i = 0; i < len; i++) {
		((char *)to)[i] = ((const char *)from)[i];
		__asm__ volatile("" ::: "memory");
	}
	return to;
}

void *memset(void *to, int byte, unsigned long len)
{
	for (unsigned long i = 0; i < len; i++) {
		((char *)to)[i] = (char)byte;
		__asm__ volatile("" ::: "memory");
	}
	return to;
}

static unsigned long length(const char *text)
{
	unsigned long len = 0;

	while (text[len]) {
		len++;
		__asm__ volatile("" ::: "memory");
	}
	return len;
}

static void print(int fd, const char *text)
{
	call(__NR_write, fd, (long)text, (long)length(text), 0, 0, 0);
}

static void print_number(int fd, unsigned long number)
{
	char digits[24], *at = digits + sizeof(digits) - 1;

	*at = 0;
	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	print(fd, at);
}

static long must(const char *what, long result)
{
	if (result >= 0 || result < -MAX_ERRNO)
		return result;
	print(2, what);
	print(2, ": errno ");
	print_number(2, (unsigned long)-result);
	print(2, "\n");
	call(__NR_exit_group, 1, 0, 0, 0, 0, 0);
	__builtin_unreachable();
}

static union {
	struct nlmsghdr nlh;
	char room[65536];
} message;

static void begin(unsigned short type, unsigned short flags, unsigned char cmd)
{
	struct genlmsghdr *genl = NLMSG_DATA(&message.nlh);

	message.nlh = (struct nlmsghdr){
		.nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN,
		.nlmsg_type = type,
		.nlmsg_flags = (unsigned short)(NLM_F_REQUEST | flags),
		.nlmsg_seq = 1,
	};
	*genl = (struct genlmsghdr){ .cmd = cmd, .version = 1 };
}

static void transmit(int fd)
{
	struct sockaddr_nl kernel = { .nl_family = 16 };

	must("sendto", call(__NR_sendto, fd, (long)&message, message.nlh.nlmsg_len, 0,
			    (long)&kernel, sizeof(kernel)));
}

static long receive(int fd)
{
	struct sockaddr_nl from = { 0 };
	int len = sizeof(from);
	long got = must("recvfrom", call(__NR_recvfrom, fd, (long)&message, sizeof(message), 0,
					 (long)&from, (long)&len));

	if (len != sizeof(from) || from.nl_family != 16 || from.nl_pid != 0)
		must("an answer that is not the kernel's", -1);
	return got;
}

static const void *find(const struct nlmsghdr *nlh, unsigned short type)
{
	const char *at = (const char *)nlh + NLMSG_HDRLEN + GENL_HDRLEN;
	const char *end = (const char *)nlh + nlh->nlmsg_len;

	while (at + NLA_HDRLEN <= end) {
		const struct nlattr *attr = (const void *)at;

		if (attr->nla_type == type)
			return at + NLA_HDRLEN;
		at += NLA_ALIGN(attr->nla_len);
	}
	must("an attribute that is missing", -type);
	__builtin_unreachable();
}

static unsigned short family(int fd)
{
	static const char name[] = "devlink";
	struct nlattr *attr;

	begin(GENL_ID_CTRL, 0, CTRL_CMD_GETFAMILY);
	attr = (void *)(message.room + message.nlh.nlmsg_len);
	attr->nla_type = CTRL_ATTR_FAMILY_NAME;
	attr->nla_len = NLA_HDRLEN + sizeof(name);
	memcpy((char *)attr + NLA_HDRLEN, name, sizeof(name));
	message.nlh.nlmsg_len += NLA_ALIGN(attr->nla_len);
	transmit(fd);
	receive(fd);
	if (message.nlh.nlmsg_type == NLMSG_ERROR)
		must("family devlink", ((struct nlmsgerr *)NLMSG_DATA(&message.nlh))->error);
	return *(const unsigned short *)find(&message.nlh, CTRL_ATTR_FAMILY_ID);
}

static void print_port(const struct nlmsghdr *nlh)
{
	print(1, find(nlh, DEVLINK_ATTR_BUS_NAME));
	print(1, "/");
	print(1, find(nlh, DEVLINK_ATTR_DEV_NAME));
	print(1, "/");
	print_number(1, *(const unsigned int *)find(nlh, DEVLINK_ATTR_PORT_INDEX));
	print(1, "\n");
}

static void list_ports(int fd, unsigned short type)
{
	begin(type, NLM_F_DUMP, DEVLINK_CMD_PORT_GET);
	transmit(fd);
	for (;;) {
		long len = receive(fd);

		for (struct nlmsghdr *nlh = &message.nlh; NLMSG_OK(nlh, len);
		     nlh = NLMSG_NEXT(nlh, len)) {
			if (nlh->nlmsg_type == NLMSG_DONE)
				return;
			if (nlh->nlmsg_type == NLMSG_ERROR)
				must("dump", ((struct nlmsgerr *)NLMSG_DATA(nlh))->error);
			print_port(nlh);
		}
	}
}

_Noreturn void run(void)
{
	struct sockaddr_nl me = { .nl_family = 16 };
	int fd = (int)must("socket", call(__NR_socket, 16, 3, NETLINK_GENERIC, 0, 0, 0));

	must("bind", call(__NR_bind, fd, (long)&me, sizeof(me), 0, 0, 0));
	list_ports(fd, family(fd));
	call(__NR_exit_group, 0, 0, 0, 0, 0, 0);
	__builtin_unreachable();
}
