// SPDX-License-Identifier: LGPL-2.1-or-later
/* finelink launch: one pod alone, then all at once, then a few under a bkl; and the tale. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "attach/wire.h"
#include "cli/cli.h"
#include "cli/launch/netns.h"
#include "cli/launch/options.h"
#include "cli/launch/report.h"
#include "cli/launch/storm.h"
#include "cli/private-plane.h"

#define COMPARE_PODS 8
#define FLASH_MS 15000
#define FLASH_FILE "finelink-launch.bin" /* mlx5's simulated firmware reads no file */
#define FILES_SPARE 64
#define SESSIONS_SPARE 8 /* beside the pods': who looks, flashes, hangs */
#define MAX_SFS 32767
#define ATTACH_BEGINS_MS 50 /* after the function was activated; a few firmware commands */

/* Signals that have asked for the end, and the first of them. */
static atomic_int signals;
static atomic_int first_signal;

static void on_signal(int number)
{
	int none = 0;

	atomic_compare_exchange_strong(&first_signal, &none, number);
	atomic_fetch_add(&signals, 1);
	if (atomic_load(&signals) > 2)
		_exit(FL_EXIT_SIGNAL + number);
}

static void catch_signals(void)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal }, before;

	/* What was ignored stays so: nohup(1), a script's background. */
	for (size_t i = 0; i < FL_ARRAY_SIZE(ends); i++)
		if (!sigaction(ends[i], NULL, &before) && before.sa_handler != SIG_IGN)
			sigaction(ends[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* The private plane is waited for. */
	signal(SIGCHLD, SIG_DFL);
}

/* One plane with what is launched on it. */
struct stage {
	const struct launch_options *options;
	bool bkl;
	struct fl_private_plane *plane; /* NULL: it was there */
	struct launch_target target;
	uint32_t *sfs;                  /* those of the pods, then one alone's, then the hanging one's */
	struct launch_port_view *ports; /* the same of VFs */
	unsigned int pods;
};

/* ---- the private plane --------------------------------------------------------------- */

/* How many RoCE attaches there are before the one that is to hang: the PF's; those of the
 * VFs that there are, or the single pod's first; its reload, and its reload back home. */
static unsigned int attaches_before(const struct stage *stage)
{
	return 1 + (stage->options->vf ? stage->pods : 1) + 1 + (stage->options->netns ? 1 : 0);
}

static char *make_topology(const struct stage *stage)
{
	const struct launch_options *options = stage->options;
	char fault[160] = "";
	char *text;

	if (options->during == LAUNCH_HANG && !stage->bkl)
		snprintf(fault, sizeof(fault),
			 "    faults:\n      - {step: rdma_attach, after: %u, times: 1, hang: true}\n",
			 attaches_before(stage));
	if (asprintf(&text,
		     "devices:\n"
		     "  - driver: mlx5\n"
		     "    address: 0000:03:00.0\n"
		     "    ports: 1\n"
		     "    vfs: %u\n"
		     "    max_sfs: %d\n"
		     "    switchdev: true\n"
		     "    command_timeout_ms: 600000\n"
		     "    latency_ms: {rdma_attach: %u, flash: %d}\n%s",
		     options->vf ? stage->pods : 0, MAX_SFS, options->rdma_attach_ms, FLASH_MS,
		     fault) < 0)
		return NULL;
	return text;
}

static bool stopping(void)
{
	return atomic_load(&signals) > 0;
}

static int start_plane(struct stage *stage)
{
	struct fl_private_plane_config config = {
		.bkl = stage->bkl,
		.verbose = stage->options->verbose,
		.stopping = stopping,
	};
	char *topology = make_topology(stage);
	int err;

	if (!topology)
		return -ENOMEM;
	config.topology_text = topology;
	err = fl_private_plane_start(&config, &stage->plane);
	free(topology);
	return err;
}

static void close_stage(struct stage *stage)
{
	launch_target_close(&stage->target);
	fl_private_plane_stop(stage->plane);
	free(stage->sfs);
	free(stage->ports);
}

static int pick(struct stage *stage)
{
	stage->sfs = calloc(stage->pods + 2, sizeof(*stage->sfs));
	stage->ports = calloc(stage->pods, sizeof(*stage->ports));
	if (!stage->sfs || !stage->ports)
		return fl_cli_fail(-ENOMEM, "out of memory");
	if (stage->options->vf)
		return launch_target_pick_vfs(&stage->target, stage->pods, stage->ports) ?:
		       launch_target_pick_sfs(&stage->target, 2, stage->sfs + stage->pods);
	return launch_target_pick_sfs(&stage->target, stage->pods + 2, stage->sfs);
}

/* Leaves nothing behind on failure; what was wrong has been told. */
static int open_stage(const struct launch_options *options, bool bkl, unsigned int pods,
		      struct stage *ret_stage)
{
	struct stage stage = { .options = options, .bkl = bkl, .pods = pods };
	const char *device = bkl && !options->bkl ? NULL : options->device;
	const char *socket = options->connect;
	int err = 0;

	if (!socket || bkl) {
		err = start_plane(&stage);
		if (err)
			return err;
		socket = fl_private_plane_socket(stage.plane);
	}
	err = launch_target_open(socket, device, &stage.target);
	err = err ?: launch_target_switchdev(&stage.target);
	err = err ?: pick(&stage);
	if (err) {
		close_stage(&stage);
		return err;
	}
	*ret_stage = stage;
	return 0;
}

/* Whether nothing need be taken down: the user ends it, and the plane ends with it. */
static bool abandoned(const struct stage *stage)
{
	return stage->plane && stopping();
}

/* ---- storms -------------------------------------------------------------------------- */

/* The namespaces of `count` pods, or NULL in *ret_fds if none are wanted. */
static int make_netns(const struct launch_options *options, unsigned int count, int **ret_fds)
{
	int *fds;
	int made;

	*ret_fds = NULL;
	if (!options->netns)
		return 0;
	fds = malloc(count * sizeof(*fds));
	if (!fds)
		return fl_cli_fail(-ENOMEM, "out of memory");
	made = launch_netns_make(count, fds, &signals);
	if (made == (int)count) {
		*ret_fds = fds;
		return 0;
	}
	for (int i = 0; i < made; i++)
		close(fds[i]);
	free(fds);
	if (made >= 0)
		return -EINTR;
	return fl_cli_fail(made, "cannot make network namespaces: %s%s", strerror(-made),
			   made == -EPERM ? "; that takes root. --netns none works without" : "");
}

/* Brings `count` pods up from `first` on; the storm has them then. */
static int prepare(struct stage *stage, unsigned int first, unsigned int count, int *netns,
		   bool quiet, struct launch_storm **ret_storm)
{
	struct launch_storm_config config = {
		.target = &stage->target,
		.pods = count,
		.vf = stage->options->vf,
		.sfs = stage->sfs + first,
		.ports = stage->ports + (stage->options->vf ? first : 0),
		.netns = netns,
		.timeout_s = stage->options->timeout_s,
		.signals = &signals,
		.ends_with_plane = stage->plane != NULL,
		.progress = quiet ? NULL : launch_progress,
	};

	return launch_storm_new(&config, ret_storm);
}

/* Launches `count` pods, checks them, takes them down. The caller frees *ret_storm, which
 * is set unless it could not be made. The namespaces are the storm's from then on. */
static int weather(struct stage *stage, unsigned int first, unsigned int count, bool quiet,
		   struct launch_storm **ret_storm)
{
	int *netns;
	int err = make_netns(stage->options, count, &netns), up;

	if (err)
		return err;
	err = prepare(stage, first, count, netns, quiet, ret_storm);
	for (unsigned int i = 0; err && netns && i < count; i++)
		close(netns[i]);
	free(netns);
	if (err)
		return err;
	up = launch_storm_up(*ret_storm);
	if (!up)
		up = launch_storm_check(*ret_storm);
	err = abandoned(stage) ? -EINTR : launch_storm_down(*ret_storm);
	return up ?: err;
}

/* What else than the pods had to be left. */
static void tell_left(struct launch_report *report, struct launch_storm *storm)
{
	const struct launch_result *result = launch_storm_result(storm);

	if (!result->leftover)
		return;
	report->left_beside = true;
	fl_cli_fail(0, "could not be taken down: %s (%s)", result->left[0],
		    result->reasons[result->reason_count - 1].text);
}

/* One pod alone on the same plane. */
static int measure_single(struct stage *stage, struct launch_report *report)
{
	struct launch_storm *storm = NULL;
	/* Of VFs the first is taken; of SFs one more than the pods need. */
	int err = weather(stage, stage->options->vf ? 0 : stage->pods, 1, true, &storm);

	if (!err && !launch_storm_result(storm)->failed)
		report->single_ns = launch_storm_result(storm)->up_ns;
	else if (!err)
		fl_cli_fail(0, "one pod alone: %s", launch_storm_result(storm)->reasons[0].text);
	if (storm)
		tell_left(report, storm);
	launch_storm_free(storm);
	return err;
}

/* ---- what happens meanwhile ---------------------------------------------------------- */

struct meanwhile {
	struct fl_link *flash;        /* on which a flash update is asked for */
	struct launch_storm *hanging; /* one SF */
};

static int start_flash(struct stage *stage, struct meanwhile *meanwhile)
{
	struct fl_link_error error = { "" };
	uint32_t buf[128];
	struct fl_msg msg;
	int err = fl_link_open(stage->target.socket, -1, &meanwhile->flash, &error);

	if (err)
		return fl_cli_fail(err, "%s", error.text);
	fl_link_set(meanwhile->flash, NETLINK_EXT_ACK, 1);
	fl_msg_init_fixed(&msg, buf, sizeof(buf));
	launch_request_flash(&msg, launch_target_to(&stage->target), fl_link_seq(meanwhile->flash),
			     FLASH_FILE);
	err = msg.err ?: fl_link_send(meanwhile->flash, msg.buf, msg.len, -1);
	if (err)
		return fl_cli_fail(err, "cannot flash: %s", strerror(-err));
	return 0;
}

/* Whether the flash update is over; if so with an error, tells it. */
static bool flash_is_over(struct meanwhile *meanwhile)
{
	uint32_t buf[4096];
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
	ssize_t len = fl_link_recv(meanwhile->flash, buf, sizeof(buf));
	char text[160];
	int err;

	if (len == -EAGAIN)
		return false;
	if (!NLMSG_OK(nlh, len))
		return true;
	err = launch_ack_parse(nlh, text, sizeof(text));
	if (err)
		fl_cli_fail(0, "the flash update has failed: %s%s%s", strerror(-err),
			    *text ? ": " : "", text);
	return true;
}

/* Until the storm's session has heard of the flash, or it is over, or 2 s have passed. */
static bool wait_for_flash(struct launch_storm *storm, struct meanwhile *meanwhile)
{
	for (int waited = 0; waited < 2000 && !stopping(); waited++) {
		launch_storm_listen(storm);
		if (launch_storm_saw_flash(storm))
			return true;
		if (flash_is_over(meanwhile))
			return false;
		poll(NULL, 0, 1);
	}
	return false;
}

/* One more SF, which stays at its RoCE attach. */
static int start_hanging(struct stage *stage, struct meanwhile *meanwhile)
{
	struct launch_storm_config config = {
		.target = &stage->target,
		.pods = 1,
		.hang = true,
		.sfs = stage->sfs + stage->pods + 1,
		.timeout_s = stage->options->timeout_s,
		.signals = &signals,
		.ends_with_plane = stage->plane != NULL,
	};
	int err = launch_storm_new(&config, &meanwhile->hanging);

	err = err ?: launch_storm_up(meanwhile->hanging);
	if (!err && launch_storm_result(meanwhile->hanging)->failed)
		err = fl_cli_fail(-EIO, "the SF that is to hang: %s",
				  launch_storm_result(meanwhile->hanging)->reasons[0].text);
	if (!err)
		poll(NULL, 0, ATTACH_BEGINS_MS);
	return err;
}

/* Whether a RoCE device is being attached, when all others have been: the plane lists the
 * lanes that are busy. */
static bool still_hangs(struct stage *stage)
{
	char *lanes;
	bool found;

	if (fl_link_inspect(stage->target.link, "lanes", LAUNCH_TALK_MS, &lanes, NULL))
		return false;
	found = strstr(lanes, "mlx5_core.rdma.") != NULL;
	free(lanes);
	return found;
}

static void stop_meanwhile(struct stage *stage, struct launch_report *report,
			   struct meanwhile *meanwhile)
{
	if (meanwhile->hanging) {
		if (!abandoned(stage))
			launch_storm_down(meanwhile->hanging);
		tell_left(report, meanwhile->hanging);
		launch_storm_free(meanwhile->hanging);
	}
	fl_link_free(meanwhile->flash);
}

/* ---- the launch ---------------------------------------------------------------------- */

/* The pods, with what else is to happen. */
static int launch_all(struct stage *stage, struct launch_report *report,
		      struct meanwhile *meanwhile, struct launch_storm **ret_storm)
{
	enum launch_during during = stage->options->during;
	struct launch_storm *storm;
	bool flashing = false;
	uint64_t start = fl_now_ns();
	int *netns;
	int err = make_netns(stage->options, stage->pods, &netns);

	if (err)
		return err;
	report->netns_ns = fl_now_ns() - start;
	err = prepare(stage, 0, stage->pods, netns, false, &storm);
	for (unsigned int i = 0; err && netns && i < stage->pods; i++)
		close(netns[i]);
	free(netns);
	if (err)
		return err;
	*ret_storm = storm;
	if (during == LAUNCH_HANG)
		err = start_hanging(stage, meanwhile);
	if (during == LAUNCH_FLASH) {
		err = start_flash(stage, meanwhile);
		flashing = !err && wait_for_flash(storm, meanwhile);
	}
	if (err)
		return err;
	err = launch_storm_up(storm);
	if (during == LAUNCH_FLASH)
		report->throughout = flashing && !flash_is_over(meanwhile);
	err = err ?: launch_storm_check(storm);
	if (during == LAUNCH_HANG)
		report->throughout = !err && still_hangs(stage);
	return err;
}

/* A few pods on a plane with one lock around every operation. */
static int measure_bkl(const struct launch_options *options, struct launch_report *report)
{
	unsigned int pods = options->pods < COMPARE_PODS ? options->pods : COMPARE_PODS;
	struct launch_storm *storm = NULL;
	struct launch_options idle = *options;
	struct stage stage;
	int err;

	idle.during = LAUNCH_IDLE;
	launch_progress("measuring a few under a bkl", 0, 0, pods);
	err = open_stage(&idle, true, pods, &stage);
	if (err)
		return err;
	err = weather(&stage, 0, pods, true, &storm);
	if (!err && !launch_storm_result(storm)->failed) {
		report->bkl_pods = pods;
		report->bkl_ns = launch_storm_result(storm)->up_ns;
	}
	launch_storm_free(storm);
	close_stage(&stage);
	return err;
}

/* Everything on one stage. *ret_storm holds the result; the caller frees it. */
static int perform(struct stage *stage, struct launch_report *report,
		   struct launch_storm **ret_storm)
{
	struct meanwhile meanwhile = { NULL };
	int err = measure_single(stage, report), down;

	if (err)
		return err;
	err = launch_all(stage, report, &meanwhile, ret_storm);
	if (*ret_storm && !abandoned(stage)) {
		down = launch_storm_down(*ret_storm);
		err = err ?: down;
	}
	stop_meanwhile(stage, report, &meanwhile);
	return err;
}

/* A session for each pod, with its namespace if it has one, and a few. */
static rlim_t files_here(const struct launch_options *options)
{
	return options->pods * (options->netns ? 2UL : 1UL) + FILES_SPARE;
}

/* The private plane has our hard limit, and takes that. */
static rlim_t files_there(const struct launch_options *options)
{
	return options->connect ? 0
				: FL_WIRE_FILES((rlim_t)options->pods + SESSIONS_SPARE);
}

static int raise_files(const struct launch_options *options)
{
	rlim_t here = files_here(options), there = files_there(options);
	rlim_t most = here > there ? here : there;
	struct rlimit limit, before;

	if (getrlimit(RLIMIT_NOFILE, &before))
		return fl_cli_fail(-errno, "RLIMIT_NOFILE: %s", strerror(errno));
	limit = before;
	if (limit.rlim_cur < here)
		limit.rlim_cur = here;
	if (limit.rlim_max < most)
		limit.rlim_max = most;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		return fl_cli_fail(-errno,
				   "%u pods take %lu open files, more than the hard limit of %lu: "
				   "raise it (ulimit -Hn)",
				   options->pods, (unsigned long)most,
				   (unsigned long)before.rlim_max);
	return 0;
}

static int finish(const struct launch_options *options, struct launch_report *report, int err)
{
	const struct launch_result *result = report->result;

	launch_progress_done();
	if (stopping())
		return FL_EXIT_SIGNAL + atomic_load(&first_signal);
	if (err)
		return FL_EXIT_NO_PLANE;
	if (options->json)
		launch_report_json(report);
	else
		launch_report_print(report);
	if (result->failed || result->checked < options->pods || result->leftover ||
	    report->left_beside)
		return FL_EXIT_SOME_FAILED;
	return FL_EXIT_OK;
}

int fl_cli_launch(int argc, char **argv)
{
	struct launch_options options;
	struct launch_report report = { .options = &options };
	struct launch_storm *storm = NULL;
	struct stage stage;
	int status = launch_options_parse(argc, argv, &options), err;

	if (status >= 0)
		return status;
	catch_signals();
	if (raise_files(&options) || open_stage(&options, options.bkl, options.pods, &stage))
		return stopping() ? FL_EXIT_SIGNAL + atomic_load(&first_signal) :
					       FL_EXIT_NO_PLANE;
	report.device = stage.target.handle;
	err = perform(&stage, &report, &storm);
	close_stage(&stage);
	if (!err && options.compare && !options.bkl && !options.connect &&
	    measure_bkl(&options, &report))
		fl_cli_fail(0, "the run under a bkl could not be measured");
	if (storm)
		report.result = launch_storm_result(storm);
	status = finish(&options, &report, storm ? err : err ?: -ECANCELED);
	launch_storm_free(storm);
	return status;
}
