/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz_knob.c - any text written to any knob. The input: PATH, a newline, the text, NUL; and so
 * on. All knobs are read after each write.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "core/knob.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/plane.h"

#define WRITES_MAX 8

struct write {
	struct fl_knob_call call;
	int err, done;
};

static void written(struct fl_knob_call *call, int err)
{
	struct write *write = FL_CONTAINER_OF(call, struct write, call);

	write->err = err;
	__atomic_store_n(&write->done, 1, __ATOMIC_RELEASE);
}

static int await(struct write *write)
{
	uint64_t start = fl_now_ns();

	for (unsigned int i = 0; !__atomic_load_n(&write->done, __ATOMIC_ACQUIRE); i++) {
		fl_assert(fl_now_ns() - start < FUZZ_DEADLINE_NS);
		if (i < 100)
			sched_yield();
		else
			usleep(50);
	}
	return write->err;
}

static void read_all(struct fl_plane *plane)
{
	char *list = malloc(16 * FL_KNOB_TEXT_MAX), *path, *rest = list;
	char *text = malloc(FL_KNOB_TEXT_MAX);
	unsigned int count;
	size_t len;

	fl_assert(list && text);
	len = fl_knob_list(plane, "", 0, list, 16 * FL_KNOB_TEXT_MAX - 1, &count);
	list[len] = '\0';
	for (; count; count--) {
		ssize_t got;

		path = strsep(&rest, "\n");
		fl_assert(rest && *path);
		got = fl_knob_read(plane, path, text, FL_KNOB_TEXT_MAX);
		fl_assert(got <= FL_KNOB_TEXT_MAX && got != -ENOENT);
		fl_assert(got <= 0 || text[got - 1] == '\n');
	}
	free(text);
	free(list);
}

/* True if it took. */
static bool write_one(struct fl_plane *plane, const char *path, const char *text, size_t len)
{
	struct write *write = calloc(1, sizeof(*write));
	int err;

	fl_assert(write);
	if (len > FL_KNOB_TEXT_MAX)
		len = FL_KNOB_TEXT_MAX;
	memcpy(write->call.text, text, len);
	write->call.plane = plane;
	write->call.complete = written;
	err = fl_knob_write(path, &write->call);
	if (err == FL_LATER)
		err = await(write);
	fl_assert(err <= 0);
	fl_assert(memchr(write->call.extack.msg, '\0', sizeof(write->call.extack.msg)));
	free(write);
	return !err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fl_plane *plane = fuzz_plane();
	const char *at = (const char *)data, *end = at + size;
	char path[FL_KNOB_PATH_MAX + 1];
	bool changed = false;

	for (int i = 0; i < WRITES_MAX && at < end; i++) {
		const char *line = memchr(at, '\n', end - at);
		size_t len;

		if (!line || line - at > FL_KNOB_PATH_MAX || memchr(at, '\0', line - at))
			break;
		memcpy(path, at, line - at);
		path[line - at] = '\0';
		at = line + 1;
		len = strnlen(at, end - at);
		changed |= write_one(plane, path, at, len);
		at += len + 1;
	}
	changed |= fuzz_plane_settle();
	read_all(plane);
	if (changed)
		fuzz_plane_drop();
	return 0;
}
