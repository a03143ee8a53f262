/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hex.c - recorded messages: hex to bytes and back, and JSON lines. */
#include "hex.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void die(const char *what, const char *which)
{
	fprintf(stderr, "%s: %s\n", what, which);
	abort();
}

unsigned char *hex_decode(const char *hex, size_t *ret_len)
{
	size_t digits = 0;
	unsigned char *bytes;

	while (isxdigit((unsigned char)hex[digits]))
		digits++;
	bytes = malloc(digits / 2 + 1);
	if (!bytes || digits % 2)
		die("bad hex", hex);
	for (size_t i = 0; i < digits / 2; i++) {
		char byte[3] = { hex[2 * i], hex[2 * i + 1], 0 };

		bytes[i] = strtoul(byte, NULL, 16);
	}
	*ret_len = digits / 2;
	return bytes;
}

void hex_print(const char *title, const void *data, size_t len)
{
	const unsigned char *bytes = data;

	fprintf(stderr, "%s: ", title);
	for (size_t i = 0; i < len; i++)
		fprintf(stderr, "%02x", bytes[i]);
	fprintf(stderr, "\n");
}

void jsonl_each(const char *name, void (*fn)(struct json_object *line, void *arg), void *arg)
{
	const char *data = getenv("FL_TEST_DATA");
	char path[4096], *text = NULL;
	size_t size = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/kernel-7.2/%s", data ? data : "tests/data", name);
	file = fopen(path, "r");
	if (!file)
		die("cannot read (set FL_TEST_DATA to tests/data)", path);
	while (getline(&text, &size, file) > 0) {
		struct json_object *line = json_tokener_parse(text);

		if (!line)
			die("no JSON in", path);
		fn(line, arg);
		json_object_put(line);
	}
	free(text);
	fclose(file);
}

const char *json_text(struct json_object *object, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value))
		die("no such key", key);
	return json_object_get_string(value);
}
