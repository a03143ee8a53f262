// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/attach-way.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach/seccomp/attach.h"
#include "attach/wire.h"
#include "cli/cli.h"
#include "cli/find.h"
#include "cli/static-elf.h"

int fl_attach_parse(const char *word, enum fl_attach_way *ret_way)
{
	static const char *const words[] = {
		[FL_ATTACH_AUTO] = "auto",
		[FL_ATTACH_PRELOAD] = "preload",
		[FL_ATTACH_SECCOMP] = "seccomp",
		[FL_ATTACH_SECCOMP_ALL] = "seccomp-all",
	};

	for (size_t i = 0; i < FL_ARRAY_SIZE(words); i++) {
		if (strcmp(word, words[i]))
			continue;
		*ret_way = (enum fl_attach_way)i;
		return 0;
	}
	return -EINVAL;
}

/* LD_PRELOAD with the shim before what is there. */
static int set_preload(void)
{
	const char *before = getenv("LD_PRELOAD");
	char *shim = fl_find_shim();
	char *preload;
	int err = 0;

	if (!shim)
		return fl_cli_fail(-ENOENT, FL_SHIM_NAME " is not installed beside finelink");
	if (strpbrk(shim, " :"))
		err = fl_cli_fail(-EINVAL, "%s: a path with a space or colon cannot be preloaded",
				  shim);
	else if (asprintf(&preload, "%s%s%s", shim, before && *before ? ":" : "", before ?: "") < 0)
		err = -ENOMEM;
	free(shim);
	if (err)
		return err;
	if (setenv("LD_PRELOAD", preload, 1))
		err = -ENOMEM;
	free(preload);
	return err;
}

static void tell(const char *text)
{
	fl_cli_fail(0, "%s", text);
}

/* What was missing for the filter; without it auto still has preload. */
static void tell_missing(struct fl_attach *attach, const char *missing)
{
	if (attach->required)
		fl_cli_fail(0, "--attach=seccomp %s", missing);
	else
		snprintf(attach->missing, sizeof(attach->missing), "; seccomp %s", missing);
}

static int prepare_filter(struct fl_attach *attach, const char *socket)
{
	struct fl_seccomp_config config = { .socket = socket,
					    .all_sockets = attach->all_sockets,
					    .tell = tell };
	struct fl_seccomp_error error = { "" };
	int err = fl_seccomp_new(&config, &attach->supervisor, &error);

	if (!err)
		return 0;
	tell_missing(attach, error.text);
	return attach->required ? err : 0;
}

int fl_attach_prepare(enum fl_attach_way way, const char *command, const char *socket, bool verbose,
		      struct fl_attach *ret_attach)
{
	struct fl_attach attach = { .command = command,
				    .verbose = verbose,
				    .asked = way != FL_ATTACH_AUTO,
				    .all_sockets = way == FL_ATTACH_SECCOMP_ALL };
	int err = 0;

	attach.is_static = fl_elf_is_static(command);
	attach.preload = way == FL_ATTACH_PRELOAD || (way == FL_ATTACH_AUTO && !attach.is_static);
	attach.required = !attach.preload;
	if (way == FL_ATTACH_PRELOAD && attach.is_static)
		fl_cli_fail(
			0,
			"%s is statically linked: with --attach=preload it talks to the kernel, "
			"not to finelink",
			command);
	if (setenv(FL_WIRE_ENV, socket, 1))
		err = -ENOMEM;
	if (!err && attach.preload)
		err = set_preload();
	if (!err && way != FL_ATTACH_PRELOAD)
		err = prepare_filter(&attach, socket);
	if (err)
		return err;
	*ret_attach = attach;
	return 0;
}

int fl_attach_child(struct fl_attach *attach)
{
	return attach->supervisor ? fl_seccomp_child(attach->supervisor) : 0;
}

static void tell_choice(const struct fl_attach *attach)
{
	const char *nnp = attach->supervisor && fl_seccomp_sets_no_new_privs()
				  ? "; sudo in it gains nothing (no_new_privs)"
				  : "";
	char reason[256];

	if (attach->asked)
		snprintf(reason, sizeof(reason), "as --attach says");
	else
		snprintf(reason, sizeof(reason), "%s is %s", attach->command,
			 attach->is_static ? "static" : "dynamic");
	if (!attach->preload)
		fl_cli_fail(0, "attach: seccomp%s (%s)%s",
			    attach->all_sockets ? ", all socket calls" : "", reason, nnp);
	else if (attach->supervisor)
		fl_cli_fail(0, "attach: preload, with a seccomp filter for static programs (%s)%s",
			    reason, nnp);
	else
		fl_cli_fail(0, "attach: preload (%s)%s", reason, attach->missing);
}

void fl_attach_parent(struct fl_attach *attach, pid_t child)
{
	struct fl_seccomp_error error = { "" };

	if (attach->supervisor &&
	    fl_seccomp_start(attach->supervisor, child, attach->required, &error)) {
		tell_missing(attach, error.text);
		fl_seccomp_free(attach->supervisor);
		attach->supervisor = NULL;
		if (attach->required)
			return;
	}
	if (attach->verbose)
		tell_choice(attach);
}

void fl_attach_cancel(struct fl_attach *attach)
{
	fl_seccomp_free(attach->supervisor);
	attach->supervisor = NULL;
}
