/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* die.h - stopping the program when one of its own rules is broken. */
#ifndef FL_BASE_DIE_H
#define FL_BASE_DIE_H

/* Prints "finelink: breach of RULE: text" to standard error and aborts. For broken
 * rules of this program only, never for bad input. Context: any; does not allocate. */
_Noreturn void fl_breach(const char *rule, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* A condition that only a bug of finelink can make false; checked in every build. */
#define fl_assert(cond)                                                                          \
	((cond) ? (void)0 : fl_breach("assertion", "%s (%s:%d)", #cond, __FILE__, __LINE__))

#endif
