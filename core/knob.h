/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * knob.h - the small files by which drivers are configured: what the kernel has in sysfs
 * and debugfs.
 *
 * A knob has the path that its file has in the kernel, without the leading slash:
 * "sys/bus/netdevsim/new_device",
 * "sys/kernel/debug/netdevsim/netdevsim1/fail_reload". Reading is answered at once; a write
 * may be an operation, and is done when that is over.
 */
#ifndef FL_CORE_KNOB_H
#define FL_CORE_KNOB_H

#include <sys/types.h>

#include "core/driver.h"

#pragma GCC visibility push(default) /* for plug-ins */

#define FL_KNOB_TEXT_MAX 4000 /* bytes of a value, the NUL aside */
#define FL_KNOB_PATH_MAX 200  /* bytes of a path, the NUL aside */

struct fl_knob;

/* One write that is being done. */
struct fl_knob_call {
	struct fl_plane *plane;
	struct fl_client *client;
	bool elsewhere; /* the writer is not in the initial namespace ... */
	/* ... but in this one, the caller's; NULL: it cannot be had, for the reason ns_err
	 * (-EPERM: this process may not enter it; -EOPNOTSUPP, -ENOMEM, -EMFILE and the like) */
	struct fl_netns *ns;
	int ns_err;
	char text[FL_KNOB_TEXT_MAX + 1]; /* what is written, without a newline at its end */
	void *arg;                       /* the knob's */
	struct fl_extack extack;         /* why it failed, for a person */
	/* The caller's; gets the call back. Context: any thread. */
	void (*complete)(struct fl_knob_call *call, int err);
	/* Instead of complete(), for an operation that was parked: as those of a request, see
	 * core/req.h. NULL: the writer waits on. Context: any thread. */
	void (*abandon)(struct fl_knob_call *call);
	void (*release)(struct fl_knob_call *call);
};

struct fl_knob_ops {
	/* Context: any thread, in an RCU read section: what is posted from here may rely on an
	 * instance that the driver has not freed yet; must not block. Valid replies: 0, -errno
	 * with text in call->extack, or FL_LATER: then fl_knob_complete() follows. NULL: cannot
	 * be written (-EACCES). */
	int (*write)(struct fl_knob_call *call);
	/* Fills buf with text that ends with a newline. Context: any thread, in an RCU read
	 * section; must not block, may take a fl_driver_lock. Valid replies: the text's length in
	 * bytes, below cap, or -errno. NULL: cannot be read (-EACCES). */
	ssize_t (*read)(void *arg, char *buf, size_t cap);
	/* Called a grace period after the knob was removed: arg is not used any more. Context:
	 * the thread of RCU callbacks: must not wait for a grace period. May be NULL. */
	void (*gone)(void *arg);
};

/* Adds a knob. Returns 0, -EEXIST, -EINVAL (the path), -ENOMEM. Context: may allocate. */
int fl_knob_add(struct fl_plane *plane, const char *path, const struct fl_knob_ops *ops, void *arg,
		struct fl_knob **ret_knob);
/* Removes it: no read or write of it begins after this. NULL is fine. */
void fl_knob_remove(struct fl_knob *knob);

/* Ends a write for which ops->write returned FL_LATER. Once. Context: any thread. */
void fl_knob_complete(struct fl_knob_call *call, int err);

/* Does the write as an operation: run(op, call) is its first step, on lane; its value
 * completes the call. Returns FL_LATER or a negative errno. */
int fl_knob_post(struct fl_knob_call *call, struct fl_lane *lane,
		 int (*run)(struct fl_op *op, struct fl_knob_call *call));

/* -- not installed -- */
/* For whoever serves knobs. fl_knob_write(): `call` with plane, client, text and complete
 * set, and where the writer is; 0, -errno, or FL_LATER. fl_knob_read(): as ops->read. Both
 * -ENOENT, -EACCES. */
int fl_knob_write(const char *path, struct fl_knob_call *call);
ssize_t fl_knob_read(struct fl_plane *plane, const char *path, char *buf, size_t cap);
/* The paths that begin with prefix, one a line, from the `skip`th on, as many as fit whole.
 * Returns their length; *ret_count: how many. In no order. */
size_t fl_knob_list(struct fl_plane *plane, const char *prefix, unsigned int skip, char *buf,
		    size_t cap, unsigned int *ret_count);

/* -- installed -- */
/* Readers of text that people write, as the kernel reads it: what begins with 1, y, t, "on", or 0,
 * n, f, "of"; numbers in any base. -EINVAL. */
int fl_knob_parse_bool(const char *text, bool *ret_value);
int fl_knob_parse_u32(const char *text, uint32_t *ret_value);

#pragma GCC visibility pop

#endif
