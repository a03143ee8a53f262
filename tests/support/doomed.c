/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/support/doomed.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Returns the child's wait status and what it said. */
static int run_self(const char *argument, char *said, size_t room)
{
	size_t len = 0;
	ssize_t got;
	int fd[2], status;
	pid_t pid;

	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		dup2(fd[1], STDERR_FILENO);
		setenv("TSAN_OPTIONS", "report_bugs=0:handle_abort=0", 1);
		setenv("ASAN_OPTIONS", "detect_leaks=0:handle_abort=0", 1);
		execl("/proc/self/exe", "test", argument, NULL);
		_exit(127);
	}
	close(fd[1]);
	while (len < room - 1 && (got = read(fd[0], said + len, room - 1 - len)) > 0)
		len += (size_t)got;
	said[len] = 0;
	close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

void doomed_check(const char *name, const char *const words[DOOMED_WORDS])
{
	char said[4096];
	int status = run_self(name, said, sizeof(said));
	const char *at = said;

	print_message("%s: %s%s", name, said, *said ? "" : "\n");
	if (!words[0]) {
		assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
		return;
	}
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_non_null(strstr(said, "finelink: breach of "));
	for (int word = 0; word < DOOMED_WORDS && words[word]; word++) {
		at = strstr(at, words[word]);
		assert_non_null(at);
		at += strlen(words[word]);
	}
}
