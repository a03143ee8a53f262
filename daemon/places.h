/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * places.h - where each key of a YAML text stands, so that an error found later can name
 * its line. Also finds what libcyaml lets pass or reports without its place: duplicate
 * keys, a second document, aliases, nesting too deep for anything that is ours.
 */
#ifndef FL_DAEMON_PLACES_H
#define FL_DAEMON_PLACES_H

#include <stddef.h>

struct fl_places;

#define FL_PLACES_DEPTH 8 /* deepest nesting of maps and lists */
#define FL_PLACES_KEYS 64 /* most keys of one map */

/* Scans text. Returns 0; -EINVAL with *ret_line, *ret_path and *ret_message set (both on
 * the heap, the caller frees them; the path may be ""); -ENOMEM. */
int fl_places_scan(const char *text, size_t len, struct fl_places **ret_places,
		   unsigned int *ret_line, char **ret_path, char **ret_message);
void fl_places_free(struct fl_places *places); /* NULL is fine */

/* The line of a path such as "devices[2].faults[0].step", or of its nearest parent that
 * the text has. At least 1. */
unsigned int fl_places_line(const struct fl_places *places, const char *path);

#endif
