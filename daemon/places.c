// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/places.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/util.h"

struct place {
	char *path;
	unsigned int line;
};

struct fl_places {
	struct place *entries;
	size_t count, cap;
};

/* One map or list that is open while the text is scanned. */
struct level {
	bool is_map, wants_key;
	unsigned int items;
	char *path;       /* of the map or list itself */
	char *child_path; /* of the value that comes next in a map */
	char *keys[FL_PLACES_KEYS];
};

struct scan {
	struct fl_places *places;
	struct level levels[FL_PLACES_DEPTH];
	int depth;
	unsigned int documents;
	unsigned int line; /* of the fault, with path and message */
	char *path, *message;
};

void fl_places_free(struct fl_places *places)
{
	if (!places)
		return;
	for (size_t i = 0; i < places->count; i++)
		free(places->entries[i].path);
	free(places->entries);
	free(places);
}

static int places_add(struct fl_places *places, const char *path, unsigned int line)
{
	if (places->count == places->cap) {
		size_t cap = places->cap ? places->cap * 2 : 64;
		struct place *entries = realloc(places->entries, cap * sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		places->entries = entries;
		places->cap = cap;
	}
	char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	places->entries[places->count++] = (struct place){ copy, line };
	return 0;
}

unsigned int fl_places_line(const struct fl_places *places, const char *path)
{
	size_t len = strlen(path);

	while (len) {
		for (size_t i = 0; i < places->count; i++) {
			const char *known = places->entries[i].path;

			if (!strncmp(known, path, len) && !known[len])
				return places->entries[i].line;
		}
		while (len && path[--len] != '.' && path[len] != '[')
			;
	}
	return 1;
}

static int scan_fail(struct scan *scan, unsigned int line, const char *path, const char *fmt, ...)
	FL_PRINTF(4, 5);

static int scan_fail(struct scan *scan, unsigned int line, const char *path, const char *fmt, ...)
{
	va_list args;
	int len;

	scan->line = line;
	scan->path = strdup(path);
	va_start(args, fmt);
	len = vasprintf(&scan->message, fmt, args);
	va_end(args);
	if (len < 0)
		scan->message = NULL;
	return scan->path && scan->message ? -EINVAL : -ENOMEM;
}

static struct level *scan_top(struct scan *scan)
{
	return scan->depth ? &scan->levels[scan->depth - 1] : NULL;
}

static void level_done(struct level *level)
{
	if (level->is_map)
		for (unsigned int i = 0; i < level->items; i++)
			free(level->keys[i]);
	free(level->path);
	free(level->child_path);
}

/* The path of the value that starts here, recorded with its line. The line of a map's
 * value is the one of its key, where people look. */
static int scan_value(struct scan *scan, unsigned int line, char **ret_path)
{
	struct level *level = scan_top(scan);
	char *path;
	int err;

	if (!level) {
		path = strdup("");
	} else if (level->is_map) {
		path = level->child_path;
		level->child_path = NULL;
		level->wants_key = true;
	} else {
		if (asprintf(&path, "%s[%u]", level->path, level->items++) < 0)
			path = NULL;
		err = path ? places_add(scan->places, path, line) : -ENOMEM;
		if (err) {
			free(path);
			return err;
		}
	}
	if (!path)
		return -ENOMEM;
	*ret_path = path;
	return 0;
}

static int scan_key(struct scan *scan, const char *key, unsigned int line)
{
	struct level *level = scan_top(scan);
	const char *dot = *level->path ? "." : "";

	if (asprintf(&level->child_path, "%s%s%s", level->path, dot, key) < 0) {
		level->child_path = NULL;
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < level->items; i++)
		if (!strcmp(level->keys[i], key))
			return scan_fail(scan, line, level->child_path, "this key is here twice (first in line %u)",
					 fl_places_line(scan->places, level->child_path));
	if (level->items == FL_PLACES_KEYS)
		return scan_fail(scan, line, level->path, "more than %d keys", FL_PLACES_KEYS);
	level->keys[level->items] = strdup(key);
	if (!level->keys[level->items])
		return -ENOMEM;
	level->items++;
	level->wants_key = false;
	return places_add(scan->places, level->child_path, line);
}

static int scan_open(struct scan *scan, bool is_map, unsigned int line)
{
	struct level *level = scan_top(scan);
	char *path;
	int err;

	if (level && level->is_map && level->wants_key)
		return scan_fail(scan, line, level->path, "a key must be a word");
	err = scan_value(scan, line, &path);
	if (err)
		return err;
	if (scan->depth == FL_PLACES_DEPTH) {
		err = scan_fail(scan, line, path, "nested deeper than %d levels", FL_PLACES_DEPTH);
		free(path);
		return err;
	}
	scan->levels[scan->depth++] =
		(struct level){ .is_map = is_map, .wants_key = is_map, .path = path };
	return 0;
}

static int scan_scalar(struct scan *scan, const char *value, size_t len, unsigned int line)
{
	struct level *level = scan_top(scan);
	char *path;
	int err;

	if (strlen(value) != len)
		return scan_fail(scan, line, level ? level->path : "", "a NUL byte in a value");
	if (level && level->is_map && level->wants_key)
		return scan_key(scan, value, line);
	err = scan_value(scan, line, &path);
	if (!err)
		free(path);
	return err;
}

static int scan_event(struct scan *scan, const yaml_event_t *event)
{
	unsigned int line = (unsigned int)event->start_mark.line + 1;
	struct level *level = scan_top(scan);

	if (event->type == YAML_DOCUMENT_START_EVENT && scan->documents++)
		return scan_fail(scan, line, "", "a second document; a topology is one");
	if (event->type == YAML_ALIAS_EVENT)
		return scan_fail(scan, line, level && level->child_path ? level->child_path : "",
				 "aliases (*%s) are not supported", event->data.alias.anchor);
	if (event->type == YAML_MAPPING_START_EVENT || event->type == YAML_SEQUENCE_START_EVENT)
		return scan_open(scan, event->type == YAML_MAPPING_START_EVENT, line);
	if (event->type == YAML_SCALAR_EVENT)
		return scan_scalar(scan, (const char *)event->data.scalar.value,
				   event->data.scalar.length, line);
	if (event->type == YAML_MAPPING_END_EVENT || event->type == YAML_SEQUENCE_END_EVENT)
		level_done(&scan->levels[--scan->depth]);
	return 0;
}

static int scan_parser_error(struct scan *scan, const yaml_parser_t *parser)
{
	unsigned int line = (unsigned int)parser->problem_mark.line + 1;
	const char *problem = parser->problem ? parser->problem : "cannot be read as YAML";

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (parser->error == YAML_READER_ERROR)
		return scan_fail(scan, 1, "", "%s (byte %zu)", problem, parser->problem_offset);
	if (parser->context)
		return scan_fail(scan, line, "", "%s (%s that starts in line %zu)", problem,
				 parser->context, parser->context_mark.line + 1);
	return scan_fail(scan, line, "", "%s", problem);
}

static int scan_all(struct scan *scan, yaml_parser_t *parser)
{
	bool end = false;
	int err = 0;

	while (!err && !end) {
		yaml_event_t event;

		if (!yaml_parser_parse(parser, &event))
			return scan_parser_error(scan, parser);
		end = event.type == YAML_STREAM_END_EVENT;
		err = scan_event(scan, &event);
		yaml_event_delete(&event);
	}
	if (!err && !scan->documents)
		return scan_fail(scan, 1, "", "the file is empty; a topology needs a list 'devices'");
	return err;
}

int fl_places_scan(const char *text, size_t len, struct fl_places **ret_places,
		   unsigned int *ret_line, char **ret_path, char **ret_message)
{
	struct scan scan = { .places = calloc(1, sizeof(*scan.places)) };
	yaml_parser_t parser;
	int err;

	if (!scan.places || !yaml_parser_initialize(&parser)) {
		free(scan.places);
		return -ENOMEM;
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	err = scan_all(&scan, &parser);
	yaml_parser_delete(&parser);
	while (scan.depth)
		level_done(&scan.levels[--scan.depth]);
	if (!err) {
		*ret_places = scan.places;
		return 0;
	}
	fl_places_free(scan.places);
	if (err == -EINVAL) {
		*ret_line = scan.line;
		*ret_path = scan.path;
		*ret_message = scan.message;
	} else {
		free(scan.path);
		free(scan.message);
	}
	return err;
}
