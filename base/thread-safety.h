/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* thread-safety.h - clang's thread-safety attributes; empty for other compilers. */
#ifndef FL_BASE_THREAD_SAFETY_H
#define FL_BASE_THREAD_SAFETY_H

#if defined(__clang__)
#define FL_TSA(x) __attribute__((x))
#else
#define FL_TSA(x)
#endif

#define FL_CAPABILITY(name) FL_TSA(capability(name))
#define FL_ACQUIRE(...) FL_TSA(acquire_capability(__VA_ARGS__))
#define FL_RELEASE(...) FL_TSA(release_capability(__VA_ARGS__))
#define FL_REQUIRES(...) FL_TSA(requires_capability(__VA_ARGS__))
#define FL_EXCLUDES(...) FL_TSA(locks_excluded(__VA_ARGS__))
#define FL_NO_TSA FL_TSA(no_thread_safety_analysis)

#endif
