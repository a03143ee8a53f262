/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * doomed.h - breaches that must stop the program: each is done by this very program, run again
 * in a process of its own with the name of the breach as its argument.
 */
#ifndef FL_TESTS_SUPPORT_DOOMED_H
#define FL_TESTS_SUPPORT_DOOMED_H

#define DOOMED_WORDS 4

/* Asserts that the child dies by SIGABRT and says that it was a breach, then the words in their
 * order, one behind the other. Without words: that it lives, and ends with 0, as the harness
 * itself has to. */
void doomed_check(const char *name, const char *const words[DOOMED_WORDS]);

#endif
