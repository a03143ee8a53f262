/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test_storm.c - many pods at once on one PF, by the default profile, without sockets: what
 * the driver and the core take by themselves. Usage: test_storm [PODS]
 *
 * Each pod: port add, function hw_addr and state, opstate attached, reload. The bound is
 * generous, for sanitizers and busy machines; `finelink launch` measures in earnest.
 */
#include "tests/drivers/rig.h"

#include <malloc.h>
#include <sys/resource.h>

#include "base/die.h"
#include "core/instance.h"

enum stage { ADDING, SETTING, ATTACHING, RELOADING, DONE };

struct pod {
	struct request request;
	struct storm *storm;
	struct pod *next; /* among those whose request has ended */
	enum stage stage;
	uint32_t index;
	char nested[64];
};

struct storm {
	struct rig rig;
	struct fl_devlink *pf;
	struct pod *pods;
	unsigned int count, done;
	struct pod *ended; /* a stack, atomic */
	uint64_t position; /* in the log of notifications */
};

/* Context: a worker. */
static void pod_ended(struct fl_req *req, int err)
{
	struct request *request = FL_CONTAINER_OF(req, struct request, req);
	struct pod *pod = FL_CONTAINER_OF(request, struct pod, request);
	struct storm *storm = pod->storm;

	request->err = err;
	pod->next = __atomic_load_n(&storm->ended, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&storm->ended, &pod->next, pod, true, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		;
}

static void pod_send(struct pod *pod)
{
	struct fl_req *req = &pod->request.req;
	int err;

	req->complete = pod_ended;
	fl_msg_end(&pod->request.msg);
	req->nlh = (struct nlmsghdr *)pod->request.buf;
	fl_assert(fl_nl_parse(req->nlh, GENL_HDRLEN, req->cmd->do_policy, req->cmd->do_max, true,
			      req->tb, &req->extack) >= 0);
	err = fl_commands[req->cmd->cmd].doit(req);
	if (err != FL_LATER)
		fl_breach("test", "stage %d of a pod: error %d: %s", pod->stage, -err,
			  req->extack.msg);
}

static void pod_add(struct pod *pod, uint32_t sfnum)
{
	struct fl_msg *msg = &pod->request.msg;

	request_init(&pod->request, &pod->storm->rig.fixture, NULL, DEVLINK_CMD_PORT_NEW,
		     pod->storm->pf);
	fl_msg_put_u16(msg, DEVLINK_ATTR_PORT_FLAVOUR, DEVLINK_PORT_FLAVOUR_PCI_SF);
	fl_msg_put_u16(msg, DEVLINK_ATTR_PORT_PCI_PF_NUMBER, 0);
	fl_msg_put_u32(msg, DEVLINK_ATTR_PORT_PCI_SF_NUMBER, sfnum);
	pod->stage = ADDING;
	pod_send(pod);
}

static void pod_set(struct pod *pod)
{
	static const uint16_t path[] = { DEVLINK_ATTR_PORT_INDEX, 0 };
	static const uint8_t addr[6] = { 2, 0, 0, 0, 0, 1 };
	struct fl_msg *msg = &pod->request.msg;
	size_t nest;

	pod->index = fl_attr_u32(answer_attr(pod->request.req.reply.buf, path));
	fl_assert(&pod->storm->pods[pod->index - SF0] == pod);
	request_done(&pod->request);
	request_init(&pod->request, &pod->storm->rig.fixture, NULL, DEVLINK_CMD_PORT_SET,
		     pod->storm->pf);
	fl_msg_put_u32(msg, DEVLINK_ATTR_PORT_INDEX, pod->index);
	nest = fl_msg_nest(msg, DEVLINK_ATTR_PORT_FUNCTION, true);
	fl_msg_put(msg, DEVLINK_PORT_FUNCTION_ATTR_HW_ADDR, addr, 6);
	fl_msg_put_u8(msg, DEVLINK_PORT_FN_ATTR_STATE, DEVLINK_PORT_FN_STATE_ACTIVE);
	fl_msg_nest_end(msg, nest);
	pod->stage = SETTING;
	pod_send(pod);
}

/* Both the reply and the notification are there. */
static void pod_reload(struct pod *pod)
{
	struct fl_devlink *dl;

	fl_rcu_read_lock();
	dl = fl_plane_find(pod->storm->rig.plane, "auxiliary", pod->nested);
	fl_assert(dl && (dl = fl_devlink_try_get(dl)));
	fl_rcu_read_unlock();
	request_done(&pod->request);
	request_init(&pod->request, &pod->storm->rig.fixture, NULL, DEVLINK_CMD_RELOAD, dl);
	fl_devlink_put(dl);
	pod->stage = RELOADING;
	pod_send(pod);
}

static void pod_advance(struct pod *pod)
{
	fl_assert(!pod->request.err);
	switch (pod->stage) {
	case ADDING:
		pod_set(pod);
		break;
	case SETTING:
		pod->stage = ATTACHING;
		if (pod->nested[0])
			pod_reload(pod);
		break;
	case RELOADING:
		request_done(&pod->request);
		pod->stage = DONE;
		pod->storm->done++;
		break;
	case ATTACHING:
	case DONE:
		fl_breach("test", "a pod goes on that should wait");
	}
}

static void note_port(struct storm *storm, const struct fl_evrec *rec)
{
	static const uint16_t opstate[] = { DEVLINK_ATTR_PORT_FUNCTION,
					    DEVLINK_PORT_FN_ATTR_OPSTATE, 0 };
	const struct nlattr *at = answer_attr(rec->data, opstate);
	struct rig_port port;
	struct pod *pod;

	if (!at || fl_attr_u8(at) != DEVLINK_PORT_FN_OPSTATE_ATTACHED)
		return;
	/* Indices were given in the order of asking, the lowest first. */
	pod = &storm->pods[rec->port_index - SF0];
	if (pod->nested[0])
		return;
	fl_assert(!rig_port(&storm->rig, PF0, rec->port_index, &port));
	memcpy(pod->nested, port.nested, sizeof(pod->nested));
	if (pod->stage == ATTACHING)
		pod_reload(pod);
}

static void storm_step(struct storm *storm)
{
	struct pod *pod = __atomic_exchange_n(&storm->ended, NULL, __ATOMIC_ACQUIRE), *next;
	struct fl_netns *ns = fl_netns_initial(fl_plane_netns(storm->rig.plane));
	struct fl_evrec *rec;
	int err;

	if (!pod)
		nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
	for (; pod; pod = next) {
		next = pod->next;
		pod_advance(pod);
	}
	while (!(err = fl_evlog_read(ns->log, &storm->position, &rec))) {
		if (rec->cmd == DEVLINK_CMD_PORT_NEW && rec->has_port && rec->port_index >= SF0 &&
		    rec->port_index < SF0 + storm->count)
			note_port(storm, rec);
		fl_evrec_put(rec);
	}
	fl_assert(err == -EAGAIN);
}

static uint64_t cpu_ns(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * FL_NS_PER_S +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * FL_NS_PER_US;
}

/* At most 16 KiB for an SF with its instance and children. Sanitizers do not tell. */
static void memory_check(struct storm *storm, size_t before)
{
	size_t now, a_pod;

	rig_settle(&storm->rig);
	fl_rcu_barrier();
	now = mallinfo2().uordblks;
	if (!now || storm->count < 100)
		return;
	a_pod = (now - before) / storm->count;
	printf("%u pods: %.1f KiB a pod in use\n", storm->count, a_pod / 1024.0);
	assert_true(a_pod <= 16 * 1024);
}

/* Launches `count` pods at once; gives the time until the last one is up. */
static uint64_t storm_run(unsigned int count)
{
	struct storm storm = { .count = count };
	struct mlx5_config config;
	uint64_t start, took, cpu;
	size_t heap;

	mlx5_config_init(&config);
	config.ports = 1;
	config.switchdev = true;
	rig_up(&storm.rig, &config);
	fl_rcu_read_lock();
	storm.pf = fl_devlink_try_get(fl_plane_find(storm.rig.plane, "pci", PF0));
	fl_rcu_read_unlock();
	storm.pods = calloc(count, sizeof(*storm.pods));
	storm.position = fl_evlog_end(fl_netns_initial(fl_plane_netns(storm.rig.plane))->log);
	heap = mallinfo2().uordblks;
	start = fl_now_ns();
	cpu = cpu_ns();
	for (unsigned int i = 0; i < count; i++) {
		storm.pods[i].storm = &storm;
		pod_add(&storm.pods[i], i);
	}
	while (storm.done < count && fl_now_ns() - start < 120 * FL_NS_PER_S)
		storm_step(&storm);
	took = fl_now_ns() - start;
	printf("%u pods: %.1f ms, CPU %.1f us a pod\n", count, took / 1e6,
	       (cpu_ns() - cpu) / 1e3 / count);
	assert_int_equal(storm.done, count);
	memory_check(&storm, heap);
	fl_devlink_put(storm.pf);
	rig_down(&storm.rig);
	free(storm.pods);
	return took;
}

static unsigned int pods = 300;

static void test_storm(void **state)
{
	uint64_t one = storm_run(1), many = storm_run(pods);
	/* 2 + 1 + 2 + 6 + 6 commands a pod, 32 at a time. */
	uint64_t firmware = pods * 17ULL * 500 * FL_NS_PER_US / 32;

	assert_true(many < 8 * (one > firmware ? one : firmware));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_storm),
	};

	if (argc > 1)
		pods = (unsigned int)atoi(argv[1]);
	fl_rcu_register_thread();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
