// SPDX-License-Identifier: LGPL-2.1-or-later
/* finelink show: what a plane tells of itself, as tables. */
#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach/client.h"
#include "cli/cli.h"
#include "cli/table.h"

#define INSPECT_MS 10000

static const char help[] =
	"usage: finelink show [instances|lanes|locks|stats] [-j] [-c SOCKET]\n"
	"Looks inside a plane.\n"
	"\n"
	"  instances   the devlink instances: their driver, namespace, ports (default)\n"
	"  lanes       what is busy: the lanes with their operations, what these wait for,\n"
	"              since when and until when; their numbers are for finelink cancel\n"
	"  locks       the table of leaf locks, with what each is for\n"
	"  stats       counters of sessions, operations and requests\n"
	"\n"
	"  -c, --connect SOCKET  the plane; default: $FINELINK_SOCKET, else\n"
	"                        /run/finelink/finelink.sock, for a user\n"
	"                        $XDG_RUNTIME_DIR/finelink.sock\n"
	"  -j, --json            as the plane told it\n"
	"  -h, --help\n"
	"\n"
	"Exit status: 0; 1 the plane did not tell; 2 wrong command line; 3 no plane there.\n";

static const struct option options[] = {
	{ "connect", required_argument, NULL, 'c' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

/* ---- one field ----------------------------------------------------------------------- */

static struct json_object *field(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(object, key, &value);
	return value;
}

static void cell_text(struct fl_table *table, struct json_object *object, const char *key)
{
	fl_table_cell(table, json_object_get_string(field(object, key)));
}

static bool is_true(struct json_object *object, const char *key)
{
	return json_object_get_boolean(field(object, key));
}

/* Milliseconds as seconds. */
static void cell_age(struct fl_table *table, struct json_object *object, const char *key)
{
	struct json_object *value = field(object, key);
	char text[32];

	if (!value) {
		fl_table_cell(table, NULL);
		return;
	}
	snprintf(text, sizeof(text), "%.3f", json_object_get_double(value) / 1e3);
	fl_table_cell(table, text);
}

static int64_t number(const void *object, const char *key)
{
	return json_object_get_int64(field(*(struct json_object *const *)object, key));
}

static int by_index(const void *a, const void *b)
{
	return number(a, "index") < number(b, "index") ? -1 : number(a, "index") > number(b, "index");
}

static int by_level(const void *a, const void *b)
{
	return number(a, "level") < number(b, "level") ? -1 : number(a, "level") > number(b, "level");
}

/* ---- the tables ---------------------------------------------------------------------- */

static void show_instances(struct json_object *root)
{
	static const char *const head[] = { "INSTANCE", "DRIVER", "INDEX", "NAMESPACE", "PORTS",
					    "PARAMS", "CHANGES", "STATE" };
	struct json_object *list = field(root, "instances");
	struct fl_table table;

	fl_table_begin(&table, FL_ARRAY_SIZE(head), head);
	if (list) /* as devlink lists them */
		json_object_array_sort(list, by_index);
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);
		char netns[32];

		snprintf(netns, sizeof(netns), "cookie %s",
			 json_object_get_string(field(one, "netns_cookie")) ?: "?");
		cell_text(&table, one, "handle");
		cell_text(&table, one, "driver");
		cell_text(&table, one, "index");
		fl_table_cell(&table, is_true(one, "initial_netns") ? "initial" : netns);
		cell_text(&table, one, "ports");
		cell_text(&table, one, "params");
		cell_text(&table, one, "version");
		fl_table_cell(&table, is_true(one, "reload_failed") ? "reload failed" : "ok");
	}
	fl_table_print(&table);
	fl_table_done(&table);
}

/* What it waits for: a lane and whose operation, or the operation that it awaits. */
static void cell_waits(struct fl_table *table, struct json_object *op)
{
	const char *at = json_object_get_string(field(op, "waits_at"));
	const char *waits = json_object_get_string(field(op, "waits"));
	struct json_object *whom = field(op, "waits_for");
	char text[128], number[32] = "";

	if (!waits) {
		fl_table_cell(table, NULL);
		return;
	}
	if (whom)
		snprintf(number, sizeof(number), " for %s", json_object_get_string(whom));
	snprintf(text, sizeof(text), "%s%s%s", at ? "at " : "", at ?: waits, number);
	fl_table_cell(table, text);
}

static void put_flag(char *flags, size_t size, struct json_object *object, const char *key)
{
	size_t len = strlen(flags);

	if (is_true(object, key))
		snprintf(flags + len, size - len, "%s%s", len ? " " : "", key);
}

static void lane_row(struct fl_table *table, struct json_object *lane, struct json_object *op)
{
	static const char *const of_op[] = { "removes", "cancelled", "stuck", "blocks", "lasts" };
	char flags[64] = "";

	cell_text(table, lane, "name");
	cell_text(table, lane, "holders");
	cell_text(table, lane, "queued");
	cell_text(table, op, "number");
	cell_text(table, op, "kind");
	cell_text(table, op, "state");
	cell_age(table, op, "age_ms");
	cell_age(table, op, "running_ms");
	cell_age(table, op, "left_ms");
	cell_waits(table, op);
	put_flag(flags, sizeof(flags), lane, "sealed");
	for (size_t i = 0; i < FL_ARRAY_SIZE(of_op); i++)
		put_flag(flags, sizeof(flags), op, of_op[i]);
	fl_table_cell(table, flags);
	cell_text(table, op, "client");
}

static void show_lanes(struct json_object *root)
{
	static const char *const head[] = { "LANE", "HOLDERS", "QUEUED", "NUMBER", "OPERATION",
					    "STATE", "AGE s", "RUNS s", "LEFT s", "WAITS", "FLAGS",
					    "CLIENT" };
	struct json_object *list = field(root, "lanes"), *idle = field(root, "idle");
	struct fl_table table;

	fl_table_begin(&table, FL_ARRAY_SIZE(head), head);
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *lane = json_object_array_get_idx(list, i);
		struct json_object *ops = field(lane, "operations");
		size_t count = ops ? json_object_array_length(ops) : 0;

		for (size_t j = 0; j < count; j++)
			lane_row(&table, lane, json_object_array_get_idx(ops, j));
		if (!count)
			lane_row(&table, lane, NULL);
	}
	if (list && json_object_array_length(list))
		fl_table_print(&table);
	fl_table_done(&table);
	if (idle)
		printf("%s lanes are idle\n", json_object_get_string(idle));
}

static void show_locks(struct json_object *root)
{
	static const char *const head[] = { "LOCK", "LEVEL", "WHAT IT IS FOR" };
	struct json_object *list = field(root, "locks");
	struct fl_table table;

	fl_table_begin(&table, FL_ARRAY_SIZE(head), head);
	if (list)
		json_object_array_sort(list, by_level);
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);

		cell_text(&table, one, "name");
		cell_text(&table, one, "level");
		cell_text(&table, one, "reason");
	}
	fl_table_print(&table);
	fl_table_done(&table);
}

/* Every number with its path, whatever the plane counts. */
static void stats_rows(struct fl_table *table, struct json_object *object, const char *path)
{
	if (json_object_is_type(object, json_type_object)) {
		json_object_object_foreach(object, key, value)
		{
			char deeper[256];

			snprintf(deeper, sizeof(deeper), "%s%s%s", path, *path ? "." : "", key);
			stats_rows(table, value, deeper);
		}
	} else if (json_object_is_type(object, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(object); i++) {
			char deeper[256];

			snprintf(deeper, sizeof(deeper), "%s.%zu", path, i);
			stats_rows(table, json_object_array_get_idx(object, i), deeper);
		}
	} else {
		fl_table_cell(table, path);
		fl_table_cell(table, json_object_get_string(object));
	}
}

static void show_stats(struct json_object *root)
{
	static const char *const head[] = { "COUNTER", "VALUE" };
	struct fl_table table;

	fl_table_begin(&table, FL_ARRAY_SIZE(head), head);
	stats_rows(&table, root, "");
	fl_table_print(&table);
	fl_table_done(&table);
}

static const struct {
	const char *what;
	void (*show)(struct json_object *root);
} views[] = {
	{ "instances", show_instances },
	{ "lanes", show_lanes },
	{ "locks", show_locks },
	{ "stats", show_stats },
};

/* ---- the command --------------------------------------------------------------------- */

struct show_options {
	const char *connect;
	bool json;
	size_t view;
};

static int find_view(const char *what, size_t *ret_view)
{
	for (size_t i = 0; i < FL_ARRAY_SIZE(views); i++) {
		if (!strcmp(views[i].what, what)) {
			*ret_view = i;
			return 0;
		}
	}
	return -ENOENT;
}

/* -1 to go on, or the exit status. */
static int parse(int argc, char **argv, struct show_options *out)
{
	static char program[] = "finelink show";
	int opt;

	argv[0] = program; /* for getopt's messages */
	while ((opt = getopt_long(argc, argv, "c:jh", options, NULL)) != -1) {
		if (opt == 'c') {
			out->connect = optarg;
		} else if (opt == 'j') {
			out->json = true;
		} else if (opt == 'h') {
			fputs(help, stdout);
			return FL_EXIT_OK;
		} else {
			fputs("try finelink show --help\n", stderr);
			return FL_EXIT_USAGE;
		}
	}
	if (optind < argc && find_view(argv[optind], &out->view))
		return fl_cli_usage("show", "instances, lanes, locks or stats, not %s", argv[optind]);
	if (optind + 1 < argc)
		return fl_cli_usage("show", "one argument too many: %s", argv[optind + 1]);
	return -1;
}

static int show(const struct show_options *show, const char *text)
{
	struct json_object *root;

	if (show->json) {
		size_t len = strlen(text);

		printf("%s%s", text, len && text[len - 1] == '\n' ? "" : "\n");
		return FL_EXIT_OK;
	}
	root = json_tokener_parse(text);
	if (!root)
		return fl_cli_fail(FL_EXIT_SOME_FAILED, "the plane did not answer with JSON");
	views[show->view].show(root);
	json_object_put(root);
	return FL_EXIT_OK;
}

int fl_cli_show(int argc, char **argv)
{
	struct show_options options_given = { 0 };
	struct fl_link_error error = { "" };
	struct fl_link *link;
	char *text;
	int status = parse(argc, argv, &options_given);

	if (status >= 0)
		return status;
	if (fl_link_open(options_given.connect, -1, &link, &error))
		return fl_cli_fail(FL_EXIT_NO_PLANE, "%s", error.text);
	if (fl_link_inspect(link, views[options_given.view].what, INSPECT_MS, &text, &error)) {
		fl_link_free(link);
		return fl_cli_fail(FL_EXIT_SOME_FAILED, "%s", error.text);
	}
	fl_link_free(link);
	status = show(&options_given, text);
	free(text);
	return status;
}
