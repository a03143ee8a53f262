// SPDX-License-Identifier: LGPL-2.1-or-later
/* finelinkd: main() of libfinelink, which is shared with plug-ins: one copy of its state. */
#include "daemon/daemon.h"

int main(int argc, char **argv)
{
	return fl_daemon_main(argc, argv);
}
