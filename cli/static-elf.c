// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/static-elf.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEGMENTS_MAX 128
#define SCRIPTS_MAX 4 /* whose interpreter is a script, as the kernel has it */

static int open_command(const char *command)
{
	const char *from = getenv("PATH");
	char path[PATH_MAX];

	if (strchr(command, '/'))
		return open(command, O_RDONLY | O_CLOEXEC);
	while (from && *from) {
		size_t len = strcspn(from, ":");

		snprintf(path, sizeof(path), "%.*s/%s", (int)len, from, command);
		if (len && !access(path, X_OK))
			return open(path, O_RDONLY | O_CLOEXEC);
		from += len + (from[len] == ':');
	}
	return -1;
}

static bool has_loader(int fd, const Elf64_Ehdr *header)
{
	Elf64_Phdr segment;

	for (unsigned int i = 0; i < header->e_phnum && i < SEGMENTS_MAX; i++) {
		off_t at = (off_t)(header->e_phoff + i * sizeof(segment));

		if (pread(fd, &segment, sizeof(segment), at) != sizeof(segment))
			return true;
		if (segment.p_type == PT_INTERP)
			return true;
	}
	return false;
}

/* The program that a script names in its first line; "" if fd is no script. */
static void read_interpreter(int fd, char *path, size_t cap)
{
	char line[PATH_MAX];
	ssize_t got = pread(fd, line, sizeof(line) - 1, 0);
	const char *from;

	*path = 0;
	if (got < 3 || memcmp(line, "#!", 2))
		return;
	line[got] = 0;
	from = line + 2 + strspn(line + 2, " \t");
	snprintf(path, cap, "%.*s", (int)strcspn(from, " \t\r\n"), from);
}

static bool is_static(const char *command, unsigned int depth)
{
	Elf64_Ehdr header;
	char interpreter[PATH_MAX];
	bool found = false;
	int fd = open_command(command);

	if (fd < 0)
		return false;
	if (pread(fd, &header, sizeof(header), 0) == sizeof(header) &&
	    !memcmp(header.e_ident, ELFMAG, SELFMAG) && header.e_ident[EI_CLASS] == ELFCLASS64 &&
	    header.e_phentsize == sizeof(Elf64_Phdr))
		found = !has_loader(fd, &header);
	read_interpreter(fd, interpreter, sizeof(interpreter));
	close(fd);
	if (*interpreter == '/' && depth < SCRIPTS_MAX)
		return is_static(interpreter, depth + 1);
	return found;
}

bool fl_elf_is_static(const char *command)
{
	return is_static(command, 0);
}
