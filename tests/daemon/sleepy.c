// SPDX-License-Identifier: LGPL-2.1-or-later
/* A plug-in whose probe really sleeps: for as many milliseconds as its options say. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "finelink/plugin.h"

static int sleepy_probe(struct fl_op *op, struct fl_device *dev)
{
	const char *ms = fl_device_platform(dev);
	long left = ms ? atol(ms) : 0;
	struct timespec time = { left / 1000, left % 1000 * 1000000 };

	while (nanosleep(&time, &time) && errno == EINTR)
		;
	return 0;
}

static int sleepy_remove(struct fl_op *op, struct fl_device *dev)
{
	return 0;
}

static const struct fl_driver sleepy = {
	.name = "sleepy",
	.bus = "platform",
	.match = "sleepy",
	.blocks = true,
	.probe = sleepy_probe,
	.remove = sleepy_remove,
};

int finelink_plugin_init(struct fl_plane *plane)
{
	return fl_driver_register(fl_plane_bus(plane), &sleepy);
}
