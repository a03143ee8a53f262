/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-mutate.c - a fuzz target without a fuzzer: each file of a corpus as it is, cut at ROUNDS
 * lengths (at each, if it has no more), and changed ROUNDS times in ways that a fixed seed draws.
 * The same on every run.
 *
 * usage: test-mutate ROUNDS FILE...
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define INPUT_MAX 4096

static uint64_t seed = 0x9e3779b97f4a7c15;

static uint32_t draw(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32) % below;
}

/* Lengths and types stand at even offsets, so those are hit more often. */
static size_t mutate(uint8_t *data, size_t size)
{
	static const uint16_t words[] = { 0, 1, 3, 4, 5, 0x7fff, 0x8000, 0x8004, 0xffff, 145, 180 };
	size_t at = draw(size);
	uint16_t word = words[draw(sizeof(words) / sizeof(words[0]))];

	switch (draw(5)) {
	case 0:
		data[at] ^= 1 << draw(8);
		break;
	case 1:
		data[at] = draw(256);
		break;
	case 2:
		at &= ~1UL;
		if (at + sizeof(word) <= size)
			memcpy(data + at, &word, sizeof(word));
		break;
	case 3: /* a piece of it once more, at the end */
		if (size - at <= INPUT_MAX - size) {
			memcpy(data + size, data + at, size - at);
			size += size - at;
		}
		break;
	default:
		if (size > 16)
			size -= draw(size - 16);
		break;
	}
	return size;
}

/* A copy of just this size, so that a byte too far is seen. */
static void try_input(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy) {
		perror("test-mutate");
		exit(1);
	}
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void try_file(const char *path, unsigned int rounds)
{
	uint8_t whole[INPUT_MAX], data[INPUT_MAX];
	FILE *file = fopen(path, "rb");
	size_t size;

	if (!file) {
		perror(path);
		exit(1);
	}
	size = fread(whole, 1, sizeof(whole), file);
	fclose(file);
	for (size_t cut = 0; cut < size; cut += 1 + size / rounds)
		try_input(whole, cut);
	try_input(whole, size);
	for (unsigned int i = 0; i < rounds; i++) {
		size_t now = size;

		memcpy(data, whole, size);
		for (unsigned int n = 1 + draw(4); n && now; n--)
			now = mutate(data, now);
		try_input(data, now);
	}
}

int main(int argc, char **argv)
{
	if (argc < 3 || !strtoul(argv[1], NULL, 10)) {
		fprintf(stderr, "usage: test-mutate ROUNDS FILE...\n");
		return 2;
	}
	for (int i = 2; i < argc; i++)
		try_file(argv[i], strtoul(argv[1], NULL, 10));
	return 0;
}
