// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/launch/report.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"

#define REDRAW_NS (100 * FL_NS_PER_MS)

static bool drawn; /* a line that is to be redrawn stands on the terminal */

void launch_progress(const char *what, unsigned int done, unsigned int failed, unsigned int total)
{
	static uint64_t next_ns;
	static const char *before;
	bool terminal = isatty(STDERR_FILENO);
	uint64_t now = fl_now_ns();

	if (before != what) {
		before = what;
		next_ns = now + (terminal ? 0 : FL_NS_PER_S);
	}
	if (now < next_ns)
		return;
	next_ns = now + (terminal ? REDRAW_NS : FL_NS_PER_S);
	fprintf(stderr, "%s%s: %u of %u", terminal ? "\r\033[K" : "", what, done, total);
	if (failed)
		fprintf(stderr, ", %u failed", failed);
	if (!terminal)
		fputc('\n', stderr);
	fflush(stderr);
	drawn = terminal;
}

void launch_progress_done(void)
{
	if (drawn)
		fputs("\r\033[K", stderr);
	drawn = false;
}

static double seconds(uint64_t ns)
{
	return (double)ns / FL_NS_PER_S;
}

static double per_second(unsigned int count, uint64_t ns)
{
	return ns ? count / seconds(ns) : 0;
}

/* A time as people say it: "312 ms", "4.21 s", "6.0 min". */
static const char *human(uint64_t ns, char *buf, size_t cap)
{
	double s = seconds(ns);

	if (s < 0.01)
		snprintf(buf, cap, "%.2f ms", s * 1e3);
	else if (s < 1)
		snprintf(buf, cap, "%.0f ms", s * 1e3);
	else if (s < 120)
		snprintf(buf, cap, "%.2f s", s);
	else
		snprintf(buf, cap, "%.1f min", s / 60);
	return buf;
}

struct style {
	const char *strong, *bad, *dim, *off;
};

static struct style pick_style(void)
{
	if (isatty(STDOUT_FILENO))
		return (struct style){ "\033[1m", "\033[31m", "\033[2m", "\033[0m" };
	return (struct style){ "", "", "", "" };
}

static void print_head(const struct launch_report *report, const struct style *style)
{
	const struct launch_options *options = report->options;
	static const char *const during[] = {
		[LAUNCH_IDLE] = "nothing else going on",
		[LAUNCH_FLASH] = "its firmware being flashed",
		[LAUNCH_HANG] = "one more SF hanging in its RoCE attach",
	};

	printf("%s%u pods%s, each %s %s, on %s/%s (%s, %s)\n", style->strong, options->pods, style->off,
	       options->vf ? "a VF" : "an SF",
	       options->netns ? "moved into a namespace" : "reloaded in place", report->device.bus,
	       report->device.dev, options->connect ? "at a daemon" : options->bkl ? "bkl" : "lanes",
	       during[options->during]);
	if (options->during != LAUNCH_IDLE && !report->throughout)
		printf("  %sbut the %s did not go on to the end of the launch%s\n", style->bad,
		       launch_during_name(options->during), style->off);
}

static void print_times(const struct launch_report *report, const struct style *style)
{
	const struct launch_result *result = report->result;
	char a[32], b[32];

	printf("\n  launched     %s%u in %s%s, %.0f pods/s", style->strong, result->up,
	       human(result->up_ns, a, sizeof(a)), style->off, per_second(result->up, result->up_ns));
	if (result->failed)
		printf(", %s%u failed%s", style->bad, result->failed, style->off);
	putchar('\n');
	if (report->single_ns)
		printf("  one alone    %s", human(report->single_ns, a, sizeof(a)));
	if (report->single_ns && result->up)
		printf(", so %u took %.2f x as long as one", result->up,
		       (double)result->up_ns / (double)report->single_ns);
	if (report->single_ns)
		putchar('\n');
	printf("  checked      %u\n", result->checked);
	printf("  taken down   %u in %s\n", result->down, human(result->down_ns, a, sizeof(a)));
	if (report->bkl_pods) {
		uint64_t all = launch_extrapolate(report->bkl_ns, report->bkl_pods,
						  report->options->pods);

		printf("  under a bkl  %u took %s (measured, idle); %u would take %s (extrapolated)\n",
		       report->bkl_pods, human(report->bkl_ns, a, sizeof(a)), report->options->pods,
		       human(all, b, sizeof(b)));
	}
}

static void print_steps(const struct launch_report *report, const struct style *style)
{
	printf("\n  %s%-14s %10s %10s %10s%s\n", style->dim, "ms", "p50", "p99", "max", style->off);
	for (int step = 0; step < LAUNCH_STEP_COUNT; step++) {
		struct launch_summary summary = launch_stats_summary(&report->result->steps[step]);

		if (summary.count)
			printf("  %-14s %10.2f %10.2f %10.2f\n", launch_step_name(step),
			       seconds(summary.p50) * 1e3, seconds(summary.p99) * 1e3,
			       seconds(summary.max) * 1e3);
	}
}

static unsigned int left_count(const struct launch_result *result)
{
	return result->leftover < LAUNCH_LEFT_MAX ? result->leftover : LAUNCH_LEFT_MAX;
}

static void print_left(const struct launch_result *result)
{
	printf("  %u pods could not be taken down:", result->leftover);
	for (unsigned int i = 0; i < left_count(result); i++)
		printf(" %s", result->left[i]);
	printf("%s\n", result->leftover > LAUNCH_LEFT_MAX ? " ..." : "");
}

void launch_report_print(const struct launch_report *report)
{
	struct style style = pick_style();
	const struct launch_result *result = report->result;

	launch_progress_done();
	print_head(report, &style);
	print_times(report, &style);
	print_steps(report, &style);
	if (result->reason_count)
		printf("\n%swhat failed%s\n", style.bad, style.off);
	for (unsigned int i = 0; i < result->reason_count; i++)
		printf("  %6u x  %s\n", result->reasons[i].count, result->reasons[i].text);
	if (result->leftover)
		print_left(result);
	fflush(stdout);
}

/* ---- JSON ---------------------------------------------------------------------------- */

static void put_ms(struct json_object *object, const char *key, uint64_t ns)
{
	json_object_object_add(object, key, json_object_new_double(seconds(ns) * 1e3));
}

static void put_int(struct json_object *object, const char *key, uint64_t value)
{
	json_object_object_add(object, key, json_object_new_int64((int64_t)value));
}

static void put_str(struct json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, json_object_new_string(value));
}

static struct json_object *json_options(const struct launch_report *report)
{
	const struct launch_options *options = report->options;
	struct json_object *object = json_object_new_object();
	char device[128];

	snprintf(device, sizeof(device), "%s/%s", report->device.bus, report->device.dev);
	put_int(object, "pods", options->pods);
	put_str(object, "function", options->vf ? "vf" : "sf");
	put_str(object, "netns", options->netns ? "real" : "none");
	put_str(object, "during", launch_during_name(options->during));
	put_str(object, "device", device);
	if (!options->connect) {
		put_int(object, "rdma_attach_ms", options->rdma_attach_ms);
		put_str(object, "serialize", options->bkl ? "bkl" : "lanes");
	}
	return object;
}

static struct json_object *json_steps(const struct launch_report *report)
{
	struct json_object *steps = json_object_new_object();

	for (int step = 0; step < LAUNCH_STEP_COUNT; step++) {
		struct launch_summary summary = launch_stats_summary(&report->result->steps[step]);
		struct json_object *one;

		if (!summary.count)
			continue;
		one = json_object_new_object();
		put_int(one, "count", summary.count);
		put_ms(one, "p50_ms", summary.p50);
		put_ms(one, "p99_ms", summary.p99);
		put_ms(one, "max_ms", summary.max);
		json_object_object_add(steps, launch_step_name(step), one);
	}
	return steps;
}

static struct json_object *json_bkl(const struct launch_report *report)
{
	struct json_object *bkl = json_object_new_object();

	put_int(bkl, "pods_measured", report->bkl_pods);
	put_ms(bkl, "makespan_ms_measured", report->bkl_ns);
	put_ms(bkl, "makespan_ms_extrapolated",
	       launch_extrapolate(report->bkl_ns, report->bkl_pods, report->options->pods));
	return bkl;
}

static struct json_object *json_failures(const struct launch_result *result)
{
	struct json_object *failures = json_object_new_array();

	for (unsigned int i = 0; i < result->reason_count; i++) {
		struct json_object *one = json_object_new_object();

		put_str(one, "reason", result->reasons[i].text);
		put_int(one, "count", result->reasons[i].count);
		json_object_array_add(failures, one);
	}
	return failures;
}

static struct json_object *json_left(const struct launch_result *result)
{
	struct json_object *left = json_object_new_array();

	for (unsigned int i = 0; i < left_count(result); i++)
		json_object_array_add(left, json_object_new_string(result->left[i]));
	return left;
}

int launch_report_json(const struct launch_report *report)
{
	const struct launch_result *result = report->result;
	struct json_object *root = json_object_new_object();
	int written = -1;

	launch_progress_done();
	if (!root)
		return -ENOMEM;
	json_object_object_add(root, "options", json_options(report));
	put_int(root, "launched", result->up);
	put_int(root, "failed", result->failed);
	put_int(root, "checked", result->checked);
	put_int(root, "taken_down", result->down);
	put_int(root, "left_over", result->leftover);
	json_object_object_add(root, "left", json_left(result));
	put_ms(root, "makespan_ms", result->up_ns);
	json_object_object_add(root, "pods_per_s",
			       json_object_new_double(per_second(result->up, result->up_ns)));
	if (report->single_ns)
		put_ms(root, "one_pod_ms", report->single_ns);
	if (report->single_ns && result->up)
		json_object_object_add(root, "makespan_ratio",
				       json_object_new_double((double)result->up_ns /
							      (double)report->single_ns));
	put_ms(root, "teardown_ms", result->down_ns);
	put_ms(root, "netns_made_ms", report->netns_ns);
	json_object_object_add(root, "steps", json_steps(report));
	if (report->bkl_pods)
		json_object_object_add(root, "bkl", json_bkl(report));
	if (report->options->during != LAUNCH_IDLE)
		json_object_object_add(root, "during_throughout",
				       json_object_new_boolean(report->throughout));
	json_object_object_add(root, "failures", json_failures(result));
	written = printf("%s\n", json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(root);
	return written < 0 ? -EIO : 0;
}
