/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-recorded.c - requests that a 7.2 kernel answered, through our parser.
 *
 * A request that the parser refuses must get the very bytes of the recorded answer. One
 * that it lets through must not have been refused by the kernel's parser, and what the
 * parser has to say about it (trailing bytes) must be in the recorded answer, unless the
 * command put a text of its own in its place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>

#include "hex.h"
#include "nl/devlink-attrs.h"
#include "nl/policy.h"

#define LEFTOVER "bytes leftover after parsing attributes"

struct tally {
	unsigned int requests, refused, passed, wrong;
};

/* The texts that only the kernel's parser gives. */
static const char *const parser_texts[] = {
	"Unknown attribute type",   "Unsupported attribute",
	"invalid attribute length", "Attribute failed policy validation",
	"NLA_F_NESTED is missing",  "NLA_F_NESTED not expected",
	"integer out of range",	    "reserved bit set",
	"invalid enum value",
};

/* All replies to one request, one after the other. */
static unsigned char *join_replies(struct json_object *line, size_t *ret_len)
{
	struct json_object *replies = NULL;
	unsigned char *all = NULL;
	size_t len = 0;

	json_object_object_get_ex(line, "replies", &replies);
	assert_non_null(replies);
	for (size_t i = 0; i < json_object_array_length(replies); i++) {
		struct json_object *reply = json_object_array_get_idx(replies, i);
		size_t more;
		unsigned char *bytes = hex_decode(json_object_get_string(reply), &more);

		all = realloc(all, len + more + 1);
		assert_non_null(all);
		memcpy(all + len, bytes, more);
		len += more;
		free(bytes);
	}
	*ret_len = len;
	return all;
}

static const struct nlmsghdr *last_message(const unsigned char *bytes, size_t len)
{
	const struct nlmsghdr *last = NULL;
	size_t at = 0;

	while (at < len && mnl_nlmsg_ok((const struct nlmsghdr *)(bytes + at), (int)(len - at))) {
		last = (const struct nlmsghdr *)(bytes + at);
		at += MNL_ALIGN(last->nlmsg_len);
	}
	assert_non_null(last);
	return last;
}

/* The text in an NLMSG_ERROR (capped) or NLMSG_DONE, or "". */
static const char *text_of(const struct nlmsghdr *nlh)
{
	size_t fixed = nlh->nlmsg_type == NLMSG_ERROR ? sizeof(struct nlmsgerr) : sizeof(int);
	const struct nlattr *tb[NLMSGERR_ATTR_MAX + 1];

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return "";
	assert_int_equal(fl_nl_parse(nlh, fixed, NULL, NLMSGERR_ATTR_MAX, false, tb, NULL), 0);
	return tb[NLMSGERR_ATTR_MSG] ? fl_attr_str(tb[NLMSGERR_ATTR_MSG]) : "";
}

static bool passed_rightly(const struct nlmsghdr *last, const struct fl_extack *extack)
{
	const char *text;

	if (last->nlmsg_type != NLMSG_ERROR && last->nlmsg_type != NLMSG_DONE)
		return true; /* its acknowledgement was not recorded */
	text = text_of(last);
	for (size_t i = 0; i < FL_ARRAY_SIZE(parser_texts); i++)
		if (!strcmp(text, parser_texts[i]))
			return false;
	if (!strcmp(text, LEFTOVER) || !text[0])
		return !strcmp(text, extack->msg);
	return true;
}

static bool refused_rightly(const struct nlmsghdr *request, const unsigned char *recorded,
			    size_t len, int err, const struct fl_extack *extack)
{
	uint32_t portid = ((const struct nlmsghdr *)recorded)->nlmsg_pid;
	struct fl_msg msg;
	bool same;

	fl_msg_init(&msg);
	fl_extack_put_ack(&msg, request, portid, err, extack, true, true);
	assert_int_equal(msg.err, 0);
	same = msg.len == len && !memcmp(msg.buf, recorded, len);
	if (!same) {
		hex_print("request ", request, request->nlmsg_len);
		hex_print("recorded", recorded, len);
		hex_print("ours    ", msg.buf, msg.len);
	}
	fl_msg_done(&msg);
	return same;
}

static void replay(struct json_object *line, void *arg)
{
	const struct nlattr *tb[DEVLINK_ATTR_MAX + 1];
	struct fl_extack extack = { 0 };
	const struct fl_cmd *cmd;
	struct tally *tally = arg;
	unsigned char *request, *recorded;
	size_t len, recorded_len;
	bool right;
	int err;

	if (!json_object_object_get_ex(line, "request", NULL))
		return; /* the heading */
	request = hex_decode(json_text(line, "request"), &len);
	recorded = join_replies(line, &recorded_len);
	assert_int_equal(((struct nlmsghdr *)request)->nlmsg_len, len);
	err = fl_cmd_find((struct nlmsghdr *)request, &cmd, &extack);
	if (!err)
		err = fl_cmd_parse(cmd, (struct nlmsghdr *)request, tb, FL_ARRAY_SIZE(tb), &extack);
	tally->requests++;
	if (err) {
		tally->refused++;
		right = refused_rightly((struct nlmsghdr *)request, recorded, recorded_len, err,
					&extack);
	} else {
		tally->passed++;
		right = passed_rightly(last_message(recorded, recorded_len), &extack);
		if (!right) {
			hex_print("request, let through", request, len);
			hex_print("recorded            ", recorded, recorded_len);
		}
	}
	tally->wrong += !right;
	free(request);
	free(recorded);
}

static void replay_file(const char *name)
{
	struct tally tally = { 0 };

	jsonl_each(name, replay, &tally);
	print_message("%s: %u requests; %u refused, %u let through; %u agree\n", name,
		      tally.requests, tally.refused, tally.passed, tally.requests - tally.wrong);
	assert_int_equal(tally.wrong, 0);
	assert_int_equal(tally.requests, 1360);
	/* So that a recording without parse errors, or a deaf parser, is noticed. */
	assert_true(tally.refused > 800);
	assert_true(tally.passed > 300);
}

static void test_raw(void **state)
{
	replay_file("raw.jsonl");
}

static void test_raw_strict(void **state)
{
	replay_file("raw-strict.jsonl");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_raw_strict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
