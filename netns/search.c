/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search.c - opening the namespaces that names and processes lead to.
 *
 * The kernel gives no descriptor for an id. So names are tried first, then processes;
 * each namespace once, and no longer than SEARCH_NS in all.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/util.h"
#include "netns/netns-private.h"

#define SEARCH_NS (5 * FL_NS_PER_S)
#define SEEN_SLOTS 8192 /* forgetful: what is pushed out is only asked again */

struct search {
	const struct fl_place *place;
	bool (*match)(int fd, void *arg);
	void *arg;
	uint64_t until_ns;
	ino_t seen[SEEN_SLOTS];
};

/* Whether this one has been asked before, or is no other namespace at all. */
static bool seen(struct search *search, const struct stat *st)
{
	ino_t *slot = &search->seen[st->st_ino % SEEN_SLOTS];

	if (st->st_dev != search->place->home_dev || st->st_ino == *slot)
		return true;
	*slot = st->st_ino;
	return false;
}

static int try_path(struct search *search, int dir, const char *path)
{
	struct stat st;
	bool home;
	int fd;

	/* Names are mounts, processes links that cost less to look at than to open. */
	if (fstatat(dir, path, &st, 0) || seen(search, &st))
		return -ENOENT;
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -ENOENT;
	if (!fl_place_check(search->place, fd, &home) && search->match(fd, search->arg))
		return fd;
	close(fd);
	return -ENOENT;
}

static int search_dir(struct search *search, const char *dir_path, bool processes)
{
	DIR *dir = opendir(dir_path);
	struct dirent *entry;
	int fd = -ENOENT;

	if (!dir)
		return -ENOENT;
	while (fd < 0 && (entry = readdir(dir))) {
		char path[300];

		if (fl_now_ns() > search->until_ns)
			break;
		if (entry->d_name[0] == '.' ||
		    (processes && !isdigit((unsigned char)entry->d_name[0])))
			continue;
		snprintf(path, sizeof(path), processes ? "%s/ns/net" : "%s", entry->d_name);
		fd = try_path(search, dirfd(dir), path);
	}
	closedir(dir);
	return fd;
}

int fl_netns_search(struct fl_netns_table *table, bool (*match)(int fd, void *arg), void *arg)
{
	struct search *search = calloc(1, sizeof(*search));
	int fd;

	fl_assert_may_block("a search for a network namespace");
	if (!search)
		return -ENOMEM;
	search->place = &table->place;
	search->match = match;
	search->arg = arg;
	search->until_ns = fl_now_ns() + SEARCH_NS;
	fd = search_dir(search, "/run/netns", false);
	if (fd < 0)
		fd = search_dir(search, "/proc", true);
	free(search);
	return fd;
}
