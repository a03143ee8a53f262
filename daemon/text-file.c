// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/text-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_fd(int fd, char **ret_text, size_t *ret_len)
{
	size_t cap = 65536, len = 0;
	char *text = malloc(cap + 1);

	while (text) {
		ssize_t got = read(fd, text + len, cap - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || (len += (size_t)got) > FL_TEXT_FILE_MAX) {
			int err = got < 0 ? -errno : -EFBIG;

			free(text);
			return err;
		}
		if (!got) {
			text[len] = 0;
			*ret_text = text;
			*ret_len = len;
			return 0;
		}
		if (len == cap) {
			char *bigger = realloc(text, (cap *= 2) + 1);

			if (!bigger)
				free(text);
			text = bigger;
		}
	}
	return -ENOMEM;
}

int fl_text_file_read(const char *path, char **ret_text, size_t *ret_len)
{
	int fd, err;

	if (!strcmp(path, "-"))
		return read_fd(STDIN_FILENO, ret_text, ret_len);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = read_fd(fd, ret_text, ret_len);
	close(fd);
	return err;
}
