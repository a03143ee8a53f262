/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* knob.h - reading and writing the plane's knobs for a client. */
#ifndef FL_SERVER_KNOB_H
#define FL_SERVER_KNOB_H

#include <stdbool.h>

struct fl_session;

/* Works on session->packet, an FL_WIRE_KNOB, and answers on its token. True when done;
 * false while a part of it is away. */
bool fl_server_knob_work(struct fl_session *session);
/* Leaves the knob that is away to its operation, which was parked. */
void fl_server_knob_leave(struct fl_session *session);
/* Frees the knob, if there is one: nobody waits for it any more. */
void fl_server_knob_free(struct fl_session *session);

#endif
