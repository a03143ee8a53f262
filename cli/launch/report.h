/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* report.h - what a launch tells: its progress, a summary for people, and JSON. */
#ifndef FL_CLI_LAUNCH_REPORT_H
#define FL_CLI_LAUNCH_REPORT_H

#include "cli/launch/options.h"
#include "cli/launch/storm.h"

struct launch_report {
	const struct launch_options *options;
	struct launch_handle device;
	uint64_t netns_ns;  /* making the namespaces */
	uint64_t single_ns; /* one pod alone; 0: not measured */
	struct launch_result *result;
	/* The small run with bkl; 0 pods: not measured. */
	unsigned int bkl_pods;
	uint64_t bkl_ns;
	/* With --during flash or hang: whether that went on from before the launch to after it. */
	bool throughout;
	/* The SF that was launched alone, or the one that hangs, could not be taken down; told. */
	bool left_beside;
};

/* One line on standard error: redrawn on a terminal, else at most one a second. */
void launch_progress(const char *what, unsigned int done, unsigned int failed, unsigned int total);
/* Wipes the line that is redrawn. */
void launch_progress_done(void);

/* The summary on standard output. */
void launch_report_print(const struct launch_report *report);
/* One JSON object on standard output. 0 or -ENOMEM. */
int launch_report_json(const struct launch_report *report);

#endif
