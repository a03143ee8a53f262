/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-region.c - regions: what is shown, how snapshots come and go, and how they, and the
 * region itself, are read.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/commands.h"
#include "core/region.h"
#include "core/txn.h"
#include "tests/core/fixture.h"

#define SIZE 150000 /* two windows of a direct read and a part of one */

static struct fixture *fixture;
static struct fl_netns *home;
static struct fl_devlink *dl;

/* ---- the driver ------------------------------------------------------------------- */

static struct driver {
	int fail;             /* what the next callback returns */
	uint64_t fail_from;   /* direct reads fail from here on; 0: none */
	unsigned int reads;
	struct fl_region *dummy, *mute, *of_port;
} driver;

static uint8_t byte_at(uint64_t offset)
{
	return (uint8_t)(offset * 7 + (offset >> 8));
}

static int end(struct fl_op *op)
{
	return fl_op_result(op);
}

static int region_snapshot(struct fl_op *op, struct fl_txn *txn, struct fl_region *region,
			   uint8_t *data)
{
	if (driver.fail) {
		fl_extack_set(fl_txn_extack(txn), "the memory is on fire");
		return driver.fail;
	}
	for (uint64_t i = 0; i < fl_region_size(region); i++)
		data[i] = byte_at(i);
	return fl_op_sleep(op, FL_NS_PER_US, end);
}

static int region_read(struct fl_op *op, struct fl_txn *txn, struct fl_region *region,
		       uint64_t offset, uint32_t len, uint8_t *data)
{
	driver.reads++;
	if (driver.fail_from && offset >= driver.fail_from)
		return -EIO;
	assert_true(offset + len <= fl_region_size(region));
	for (uint32_t i = 0; i < len; i++)
		data[i] = byte_at(offset + i);
	return fl_op_sleep(op, FL_NS_PER_US, end);
}

static const struct fl_region_ops all_ops = { .snapshot = region_snapshot, .read = region_read };
static const struct fl_region_ops no_ops = { NULL };

static int make_regions(struct fl_op *op, void *arg)
{
	const struct fl_region_desc dummy = { .name = "dummy", .ops = &all_ops, .priv = &driver,
					      .size = SIZE, .max_snapshots = 3 };
	const struct fl_region_desc mute = { .name = "mute", .ops = &no_ops, .size = 16,
					     .max_snapshots = 4 };
	struct fl_txn *txn;

	assert_int_equal(fl_txn_begin(op, dl, &txn), 0);
	driver.dummy = fl_region_add(txn, &dummy);
	driver.mute = fl_region_add(txn, &mute);
	driver.of_port = fl_port_region_add(txn, 1, &dummy);
	return fl_txn_commit(txn);
}

static int remove_regions(struct fl_op *op, void *arg)
{
	struct fl_txn *txn;

	assert_int_equal(fl_txn_begin(op, dl, &txn), 0);
	fl_region_del(txn, driver.dummy);
	return fl_txn_commit(txn);
}

/* ---- asking ----------------------------------------------------------------------- */

static const uint16_t ids_path[] = { DEVLINK_ATTR_REGION_SNAPSHOTS, 0 };
static const uint16_t id_path[] = { DEVLINK_ATTR_REGION_SNAPSHOT_ID, 0 };

static void ask(struct request *request, uint8_t cmd, const char *region, int64_t id)
{
	request_init(request, fixture, home, cmd, dl);
	if (region)
		fl_msg_put_str(&request->msg, DEVLINK_ATTR_REGION_NAME, region);
	if (id >= 0)
		fl_msg_put_u32(&request->msg, DEVLINK_ATTR_REGION_SNAPSHOT_ID, id);
}

/* The result of a command about a snapshot, -1: without id; its text and new id. */
static int snapshot(uint8_t cmd, const char *region, int64_t id, char *text, uint32_t *new_id)
{
	struct request request;
	int err;

	ask(&request, cmd, region, id);
	err = request_run(&request);
	if (text)
		snprintf(text, 160, "%s", request.req.extack.msg);
	if (new_id) {
		assert_true(request.req.reply.len > 0);
		*new_id = fl_attr_u32(answer_attr(request.req.reply.buf, id_path));
	} else if (!err && id >= 0) {
		assert_int_equal(request.req.reply.len, 0);
	}
	request_done(&request);
	return err;
}

/* The ids that are shown, as text. */
static const char *ids(const char *region)
{
	static char text[200];
	const struct nlattr *list;
	struct request request;
	size_t len = 0;

	ask(&request, DEVLINK_CMD_REGION_GET, region, -1);
	assert_int_equal(request_run(&request), 0);
	list = answer_attr(request.req.reply.buf, ids_path);
	assert_non_null(list);
	*text = '\0';
	for (size_t at = 0; at < fl_attr_len(list); at += 12) {
		const char *nest = (const char *)fl_attr_data(list) + at;

		assert_int_equal(((const struct nlattr *)nest)->nla_type,
				 DEVLINK_ATTR_REGION_SNAPSHOT);
		len += snprintf(text + len, sizeof(text) - len, "%s%u", at ? " " : "",
				fl_attr_u32((const struct nlattr *)(nest + NLA_HDRLEN)));
	}
	request_done(&request);
	return text;
}

/* What was told of the test's instance: "44/7" is REGION_NEW of snapshot 7. */
static const char *told(uint64_t *position)
{
	static const uint16_t dev_path[] = { DEVLINK_ATTR_DEV_NAME, 0 };
	static char text[1024];
	const struct nlattr *id;
	struct fl_evrec *rec;
	size_t len = 0;

	*text = '\0';
	while (!fl_evlog_read(home->log, position, &rec)) {
		if (!strcmp(fl_attr_str(answer_attr(rec->data, dev_path)),
			    fl_devlink_dev_name(dl))) {
			id = answer_attr(rec->data, id_path);
			len += snprintf(text + len, sizeof(text) - len, "%s%u", len ? " " : "",
					rec->cmd);
			if (id)
				len += snprintf(text + len, sizeof(text) - len, "/%u",
						fl_attr_u32(id));
		}
		fl_evrec_put(rec);
	}
	return text;
}

/* ---- reading ---------------------------------------------------------------------- */

struct reader {
	uint64_t next;   /* the address of the next chunk */
	uint64_t bytes;
	unsigned int messages;
};

static void take_chunk(struct reader *reader, const struct nlattr *chunk)
{
	const struct nlattr *data = fl_attr_data(chunk);
	const struct nlattr *addr = (const struct nlattr *)((const char *)data +
							    NLA_ALIGN(data->nla_len));

	assert_int_equal(chunk->nla_type, DEVLINK_ATTR_REGION_CHUNK);
	assert_int_equal(data->nla_type, DEVLINK_ATTR_REGION_CHUNK_DATA);
	assert_int_equal(addr->nla_type, DEVLINK_ATTR_REGION_CHUNK_ADDR);
	assert_int_equal(fl_attr_u64(addr), reader->next);
	assert_true(fl_attr_len(data) <= 256);
	for (size_t i = 0; i < fl_attr_len(data); i++)
		assert_int_equal(((const uint8_t *)fl_attr_data(data))[i],
				 byte_at(reader->next + i));
	reader->next += fl_attr_len(data);
	reader->bytes += fl_attr_len(data);
}

static void take(struct reader *reader, const struct fl_msg *reply)
{
	static const uint16_t chunks_path[] = { DEVLINK_ATTR_REGION_CHUNKS, 0 };
	const struct nlmsghdr *nlh;

	for (size_t at = 0; at < reply->len; at += nlh->nlmsg_len) {
		const struct nlattr *chunks, *chunk;

		nlh = (const struct nlmsghdr *)(reply->buf + at);
		assert_int_equal(nlh->nlmsg_flags, NLM_F_ACK | NLM_F_MULTI);
		chunks = answer_attr(nlh, chunks_path);
		assert_non_null(chunks);
		for (size_t in = 0; in < fl_attr_len(chunks); in += NLA_ALIGN(chunk->nla_len)) {
			chunk = (const struct nlattr *)((const char *)fl_attr_data(chunks) + in);
			take_chunk(reader, chunk);
		}
		reader->messages++;
	}
}

struct range {
	bool given;
	uint64_t addr, len;
};

static int read_region(const char *region, int64_t id, struct range range, struct reader *reader,
		       char *text)
{
	struct request request;
	int err;

	ask(&request, DEVLINK_CMD_REGION_READ, region, id);
	if (id < -1)
		fl_msg_put_flag(&request.msg, DEVLINK_ATTR_REGION_DIRECT);
	if (range.given) {
		fl_msg_put_u64(&request.msg, DEVLINK_ATTR_REGION_CHUNK_ADDR, range.addr);
		fl_msg_put_u64(&request.msg, DEVLINK_ATTR_REGION_CHUNK_LEN, range.len);
	}
	*reader = (struct reader){ .next = range.addr };
	err = request_dump(&request, 3776, NULL);
	take(reader, &request.req.reply);
	if (text)
		snprintf(text, 160, "%s", request.req.extack.msg);
	request_done(&request);
	return err;
}

static int read_part(int64_t id, uint64_t addr, uint64_t len, struct reader *reader, char *text)
{
	return read_region("dummy", id, (struct range){ true, addr, len }, reader, text);
}

#define DIRECT (-2)
static const struct range whole;

/* ---- the tests -------------------------------------------------------------------- */

static int setup(void **state)
{
	driver = (struct driver){ 0 };
	dl = fixture_add(fixture, *state ? *state : "region");
	return fixture_operation(fixture, dl->lane, make_regions, NULL);
}

static int teardown(void **state)
{
	fl_region_put(driver.dummy);
	fl_region_put(driver.mute);
	fl_region_put(driver.of_port);
	fl_device_remove_post(fl_devlink_device(dl), NULL, NULL, NULL);
	fl_devlink_put(dl);
	return fl_sched_drain(fl_plane_sched(fixture->plane), 10 * FL_NS_PER_S);
}

static void shows(void **state)
{
	struct request request;
	char shape[128];
	size_t at = 0;

	ask(&request, DEVLINK_CMD_REGION_GET, "dummy", -1);
	assert_int_equal(request_run(&request), 0);
	assert_string_equal(answer_shape(request.req.reply.buf, shape, sizeof(shape)),
			    "88 89 170 90");
	request_done(&request);

	/* The instance's first, then the ports'. */
	request_init(&request, fixture, home, DEVLINK_CMD_REGION_GET, dl);
	assert_int_equal(request_dump(&request, 3776, NULL), 0);
	for (int i = 0; i < 3; i++) {
		const struct nlmsghdr *nlh = (struct nlmsghdr *)(request.req.reply.buf + at);

		assert_int_equal(nlh->nlmsg_flags, NLM_F_MULTI | NLM_F_DUMP_FILTERED);
		assert_string_equal(answer_shape(nlh, shape, sizeof(shape)),
				    i < 2 ? "88 89 170 90" : "3 88 89 170 90");
		at += nlh->nlmsg_len;
	}
	assert_int_equal(at, request.req.reply.len);
	request_done(&request);
}

static int add_again(struct fl_op *op, void *arg)
{
	const struct fl_region_desc desc = { .name = "dummy", .ops = &no_ops, .size = 1,
					     .max_snapshots = *(uint32_t *)arg };
	struct fl_txn *txn;

	assert_int_equal(fl_txn_begin(op, dl, &txn), 0);
	assert_null(fl_region_add(txn, &desc));
	return fl_txn_commit(txn);
}

static void driver_is_refused(void **state)
{
	uint32_t some = 8, too_many = FL_REGION_SNAPSHOTS_MAX + 1;

	assert_int_equal(fixture_operation(fixture, dl->lane, add_again, &some), -EEXIST);
	assert_int_equal(fixture_operation(fixture, dl->lane, add_again, &too_many), -EINVAL);
}

static void names(void **state)
{
	struct request request;
	char text[160];

	ask(&request, DEVLINK_CMD_REGION_GET, NULL, -1);
	assert_int_equal(request_run(&request), -EINVAL);
	assert_int_equal(request.req.extack.miss_type, DEVLINK_ATTR_REGION_NAME);
	ask(&request, DEVLINK_CMD_REGION_GET, "nosuch", -1);
	assert_int_equal(request_run(&request), -EINVAL);
	ask(&request, DEVLINK_CMD_REGION_GET, "mute", -1);
	fl_msg_put_u32(&request.msg, DEVLINK_ATTR_PORT_INDEX, 99);
	assert_int_equal(request_run(&request), -ENODEV);

	assert_int_equal(snapshot(DEVLINK_CMD_REGION_NEW, NULL, 1, text, NULL), -EINVAL);
	assert_string_equal(text, "No region name provided");
	assert_int_equal(snapshot(DEVLINK_CMD_REGION_NEW, "nosuch", 1, text, NULL), -EINVAL);
	assert_string_equal(text, "The requested region does not exist");
	assert_int_equal(snapshot(DEVLINK_CMD_REGION_NEW, "mute", 1, text, NULL), -EOPNOTSUPP);
	assert_string_equal(text,
			    "The requested region does not support taking an immediate snapshot");
	ask(&request, DEVLINK_CMD_REGION_DEL, "dummy", -1);
	assert_int_equal(request_run(&request), -EINVAL);
	assert_int_equal(request.req.extack.miss_type, DEVLINK_ATTR_REGION_SNAPSHOT_ID);
}

static int add_mute(struct fl_op *op, void *arg)
{
	const uint8_t data[16] = { 1 };
	struct fl_txn *txn;
	int err;

	assert_int_equal(fl_txn_begin(op, dl, &txn), 0);
	err = fl_region_snapshot_add(txn, driver.mute, *(uint32_t *)arg, data);
	return err ? (fl_txn_abort(txn), err) : fl_txn_commit(txn);
}

static void snapshots(void **state)
{
	uint64_t position = fl_evlog_end(home->log);
	uint32_t id, five = 5;
	char text[160];

	assert_int_equal(snapshot(DEVLINK_CMD_REGION_NEW, "dummy", 1, NULL, NULL), 0);
	assert_int_equal(snapshot(DEVLINK_CMD_REGION_NEW, "dummy", 1, text, NULL), -EEXIST);
	assert_string_equal(text, "The requested snapshot id is already in use");
	assert_int_equal(snapshot(DEVLINK_CMD_REGION_NEW, "dummy", -1, NULL, &id), 0);
	assert_int_equal(id, 0);
	assert_string_equal(told(&position), "44/1 44/0");
	/* Ids are the instance's: another region's is taken. */
	assert_int_equal(fixture_operation(fixture, dl->lane, add_mute, &five), 0);
	assert_int_equal(snapshot(DEVLINK_CMD_REGION_NEW, "dummy", 5, text, NULL), -EEXIST);
	assert_string_equal(text, "");
	assert_int_equal(snapshot(DEVLINK_CMD_REGION_NEW, "dummy", -1, NULL, &id), 0);
	assert_int_equal(id, 2);
	assert_int_equal(snapshot(DEVLINK_CMD_REGION_NEW, "dummy", 9, text, NULL), -ENOSPC);
	assert_string_equal(text, "The region has reached the maximum number of stored snapshots");
	assert_string_equal(ids("dummy"), "1 0 2");

	assert_int_equal(snapshot(DEVLINK_CMD_REGION_DEL, "dummy", 77, NULL, NULL), -EINVAL);
	assert_int_equal(snapshot(DEVLINK_CMD_REGION_DEL, "dummy", 0, NULL, NULL), 0);
	assert_string_equal(ids("dummy"), "1 2");
	assert_string_equal(told(&position), "44/5 44/2 45/0");

	driver.fail = -EIO;
	assert_int_equal(snapshot(DEVLINK_CMD_REGION_NEW, "dummy", 0, text, NULL), -EIO);
	assert_string_equal(text, "the memory is on fire");
	driver.fail = 5; /* nonsense */
	assert_int_equal(snapshot(DEVLINK_CMD_REGION_NEW, "dummy", 0, NULL, NULL), -EIO);
	assert_string_equal(told(&position), "");

	/* They go with their region, and are told of before it. */
	assert_int_equal(fixture_operation(fixture, dl->lane, remove_regions, NULL), 0);
	assert_string_equal(told(&position), "45/1 45/2 45");
}

static int both_at_once(struct fl_op *op, void *arg)
{
	uint8_t *data = calloc(1, SIZE);
	struct fl_txn *txn;
	uint32_t id;

	assert_int_equal(fl_txn_begin(op, dl, &txn), 0);
	id = fl_region_snapshot_id(txn);
	assert_int_equal(fl_region_snapshot_add(txn, driver.dummy, id, data), 0);
	assert_int_equal(fl_region_snapshot_add(txn, driver.mute, id, data), 0);
	assert_int_equal(fl_region_snapshot_add(txn, driver.mute, id, data), -EEXIST);
	assert_int_equal(fl_region_snapshot_id(txn), id + 1);
	free(data);
	return fl_txn_commit(txn);
}

static void driver_takes_them(void **state)
{
	uint64_t position = fl_evlog_end(home->log);
	struct fl_lane *lane = fl_region_lane(driver.dummy);
	uint8_t *data = malloc(SIZE);
	struct reader reader;

	assert_int_equal(fixture_operation(fixture, lane, both_at_once, NULL), 0);
	fl_lane_put(lane);
	for (size_t i = 0; i < SIZE; i++)
		data[i] = byte_at(i);
	for (int i = 0; i < 4; i++) /* two of them find no room */
		assert_int_equal(fl_region_snapshot_post(dl, driver.dummy, data), 0);
	free(data);
	assert_int_equal(fl_sched_drain(fl_plane_sched(fixture->plane), 10 * FL_NS_PER_S), 0);
	assert_string_equal(told(&position), "44/0 44/0 44/1 44/2");
	assert_string_equal(ids("dummy"), "0 1 2");
	assert_string_equal(ids("mute"), "0");
	assert_int_equal(read_region("dummy", 2, whole, &reader, NULL), 0);
	assert_int_equal(reader.bytes, SIZE);
	/* An id is free when the last that has it is gone. */
	assert_int_equal(snapshot(DEVLINK_CMD_REGION_DEL, "dummy", 0, NULL, NULL), 0);
	assert_int_equal(snapshot(DEVLINK_CMD_REGION_NEW, "dummy", 0, NULL, NULL), -EEXIST);
	assert_int_equal(snapshot(DEVLINK_CMD_REGION_DEL, "mute", 0, NULL, NULL), 0);
	assert_int_equal(snapshot(DEVLINK_CMD_REGION_NEW, "dummy", 0, NULL, NULL), 0);
}

static void reads_a_snapshot(void **state)
{
	struct reader reader;
	char text[160];

	assert_int_equal(snapshot(DEVLINK_CMD_REGION_NEW, "dummy", 4, NULL, NULL), 0);
	assert_int_equal(read_region("dummy", 4, whole, &reader, NULL), 0);
	assert_int_equal(reader.bytes, SIZE);
	assert_true(reader.messages > SIZE / 3776);
	assert_int_equal(read_part(4, 1000, 700, &reader, NULL), 0);
	assert_int_equal(reader.bytes, 700);
	assert_int_equal(reader.messages, 1);
	/* To the end, and not beyond it. */
	assert_int_equal(read_part(4, SIZE - 1, 700, &reader, NULL), 0);
	assert_int_equal(reader.bytes, 1);
	assert_int_equal(read_part(4, SIZE + 8, 16, &reader, text), -EINVAL);
	assert_string_equal(text, "");
	assert_int_equal(read_part(4, 8, UINT64_MAX, &reader, NULL), -EINVAL);
	assert_int_equal(read_part(4, 8, 0, &reader, NULL), 0);
	assert_int_equal(reader.messages, 0);

	assert_int_equal(read_region("dummy", 77, whole, &reader, text), -EINVAL);
	assert_string_equal(text, "Requested snapshot does not exist");
	assert_int_equal(read_region("nosuch", 4, whole, &reader, text), -EINVAL);
	assert_string_equal(text, "Requested region does not exist");
	assert_int_equal(read_region("dummy", -1, whole, &reader, text), -EINVAL);
	assert_string_equal(text, "No snapshot id provided");
	assert_int_equal(read_region(NULL, 4, whole, &reader, text), -EINVAL);
	assert_string_equal(text, "No region name provided");
}

/* Another snapshot under the id of the one that was begun with is not mixed in. */
static void reads_one_snapshot_only(void **state)
{
	static uint32_t buf[944];
	struct fl_dump dump = { 0 };
	struct request request;
	struct fl_msg msg;

	assert_int_equal(snapshot(DEVLINK_CMD_REGION_NEW, "dummy", 4, NULL, NULL), 0);
	ask(&request, DEVLINK_CMD_REGION_READ, "dummy", 4);
	fl_msg_end(&request.msg);
	request.req.nlh = (struct nlmsghdr *)request.buf;
	assert_int_equal(fl_nl_parse(request.req.nlh, GENL_HDRLEN, request.req.cmd->dump_policy,
				     request.req.cmd->dump_max, false, request.req.tb, NULL), 0);
	dump.msg = &msg;
	fl_msg_init_fixed(&msg, buf, sizeof(buf));
	assert_int_equal(fl_region_read_dumpit(&request.req, &dump), 1);
	assert_int_equal(snapshot(DEVLINK_CMD_REGION_DEL, "dummy", 4, NULL, NULL), 0);
	assert_int_equal(snapshot(DEVLINK_CMD_REGION_NEW, "dummy", 4, NULL, NULL), 0);
	fl_msg_init_fixed(&msg, buf, sizeof(buf));
	assert_int_equal(fl_region_read_dumpit(&request.req, &dump), -EINVAL);
	assert_string_equal(request.req.extack.msg, "Requested snapshot does not exist");
	request_done(&request);
}

static void reads_the_device(void **state)
{
	struct reader reader;
	char text[160];

	assert_int_equal(read_region("dummy", DIRECT, whole, &reader, NULL), 0);
	assert_int_equal(reader.bytes, SIZE);
	assert_int_equal(driver.reads, 3);
	assert_int_equal(read_part(DIRECT, 65000, 70000, &reader, NULL), 0);
	assert_int_equal(reader.bytes, 70000);
	assert_int_equal(read_part(DIRECT, SIZE + 8, 16, &reader, NULL), -EINVAL);
	/* What came before the failure has been sent. */
	driver.fail_from = 65536;
	assert_int_equal(read_region("dummy", DIRECT, whole, &reader, NULL), -EIO);
	assert_int_equal(reader.bytes, 65536);
	assert_int_equal(read_region("mute", DIRECT, whole, &reader, text), -EOPNOTSUPP);
	assert_string_equal(text, "Requested region does not support direct read");
}

static int delete_port(struct fl_op *op, void *arg)
{
	struct fl_txn *txn;

	assert_int_equal(fl_txn_begin(op, dl, &txn), 0);
	fl_port_del(txn, 1);
	return fl_txn_commit(txn);
}

static void of_ports(void **state)
{
	static const uint16_t port_path[] = { DEVLINK_ATTR_PORT_INDEX, 0 };
	uint64_t position = fl_evlog_end(home->log);
	struct request request;
	char shape[128];

	ask(&request, DEVLINK_CMD_REGION_NEW, "dummy", 3);
	fl_msg_put_u32(&request.msg, DEVLINK_ATTR_PORT_INDEX, 1);
	assert_int_equal(request_run(&request), 0);
	ask(&request, DEVLINK_CMD_REGION_GET, "dummy", -1);
	fl_msg_put_u32(&request.msg, DEVLINK_ATTR_PORT_INDEX, 1);
	assert_int_equal(request_run(&request), 0);
	assert_string_equal(answer_shape(request.req.reply.buf, shape, sizeof(shape)),
			    "3 88 89 170 90");
	assert_int_equal(fl_attr_u32(answer_attr(request.req.reply.buf, port_path)), 1);
	request_done(&request);
	assert_string_equal(ids("dummy"), "");
	assert_int_equal(fixture_operation(fixture, dl->lane, delete_port, NULL), 0);
	assert_string_equal(told(&position), "44/3 45/3 45 8");
}

static int unregister(struct fl_op *op, void *arg)
{
	struct fl_txn *txn;

	assert_int_equal(fl_txn_begin(op, dl, &txn), 0);
	fl_txn_unregister(txn);
	return fl_txn_commit(txn);
}

/* Regions are told again when the instance goes, snapshots are not. */
static void goes_with_the_instance(void **state)
{
	uint64_t position;

	assert_int_equal(snapshot(DEVLINK_CMD_REGION_NEW, "dummy", 4, NULL, NULL), 0);
	position = fl_evlog_end(home->log);
	assert_int_equal(fixture_operation(fixture, dl->lane, unregister, NULL), 0);
	assert_string_equal(told(&position), "41 41 41 45 45 8 8 8 8 4");
}


#define REGION_TEST(name) \
	{ #name, name, setup, teardown, (void *)"region-" #name }

int main(void)
{
	const struct CMUnitTest tests[] = {
		REGION_TEST(shows),
		REGION_TEST(driver_is_refused),
		REGION_TEST(names),
		REGION_TEST(snapshots),
		REGION_TEST(driver_takes_them),
		REGION_TEST(reads_a_snapshot),
		REGION_TEST(reads_one_snapshot_only),
		REGION_TEST(reads_the_device),
		REGION_TEST(of_ports),
		REGION_TEST(goes_with_the_instance),
	};
	int failed;

	fixture = fixture_new(NULL);
	home = fl_netns_initial(fl_plane_netns(fixture->plane));
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	fixture_free(fixture);
	return failed;
}
