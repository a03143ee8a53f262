// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/topology.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/text-file.h"
#include "daemon/topology-raw.h"

#define LATENCY_MAX_MS 600000.0
#define FAULT_COUNT_MAX 1000000
#define COUNT_MAX 65536
#define PCI_FUNCTIONS 8
#define PCI_DOMAIN_FUNCTIONS 0x10000

/* A text on its way to a topology; the first fault ends it. */
struct reading {
	const char *name;
	const struct fl_places *places;
	const struct fl_raw_topology *raw;
	struct fl_topology *topology;
	size_t index; /* of the device being read */
	char *error;
};

/* Bytes of the character at c, 0 if it is none in UTF-8, e.g. what a limit has cut. */
static size_t utf8_len(const unsigned char *c)
{
	size_t len = *c < 0x80 ? 1 : *c >> 5 == 6 ? 2 : *c >> 4 == 14 ? 3 : *c >> 3 == 30 ? 4 : 0;

	for (size_t i = 1; i < len; i++)
		if (c[i] >> 6 != 2)
			return 0;
	return len;
}

/* A value can hold a newline, or what makes a terminal do things: C0, DEL, C1. */
static void make_printable(char *text)
{
	unsigned char *c = (unsigned char *)text;

	while (*c) {
		size_t len = utf8_len(c);

		if (!len || *c < ' ' || *c == 0x7f || (*c == 0xc2 && c[1] < 0xa0))
			*c = '?';
		if (*c == '?' && len > 1)
			memset(c, '?', len);
		c += len ? len : 1;
	}
}

static void error_set(char **ret_error, const char *name, unsigned int line, const char *path,
		      const char *message)
{
	if (asprintf(ret_error, "%s:%u: %s%s%s", name, line, path, *path ? ": " : "", message) < 0)
		*ret_error = NULL;
	else
		make_printable(*ret_error);
}

/* Fails with the fault of `key` of the current device ("" for the device itself). */
static int fail(struct reading *reading, const char *key, const char *fmt, ...) FL_PRINTF(3, 4);

static int fail(struct reading *reading, const char *key, const char *fmt, ...)
{
	char path[128], message[256];
	va_list args;

	snprintf(path, sizeof(path), "devices[%zu]%s%s", reading->index, *key ? "." : "", key);
	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	error_set(&reading->error, reading->name, fl_places_line(reading->places, path), path,
		  message);
	return reading->error ? -EINVAL : -ENOMEM;
}

/* ---- words to values: each leaves *value as it is when there is no word ------------- */

static int read_uint(struct reading *reading, const char *key, const char *word, uint64_t min,
		     uint64_t max, uint64_t *value)
{
	unsigned long long got;
	char *end;

	if (!word)
		return 0;
	errno = 0;
	got = strtoull(word, &end, 0);
	if (!isdigit((unsigned char)*word) || *end)
		return fail(reading, key, "'%s' is not a whole number", word);
	if (errno || got < min || got > max)
		return fail(reading, key, "%s is not in %llu..%llu", word, (unsigned long long)min,
			    (unsigned long long)max);
	*value = got;
	return 0;
}

static int read_u32(struct reading *reading, const char *key, const char *word, unsigned int min,
		    unsigned int max, unsigned int *value)
{
	uint64_t got = *value;
	int err = read_uint(reading, key, word, min, max, &got);

	*value = (unsigned int)got;
	return err;
}

static int read_real(struct reading *reading, const char *key, const char *word, double min,
		     double max, double *value)
{
	double got;
	char *end;

	if (!word)
		return 0;
	got = strtod(word, &end);
	if (!(isdigit((unsigned char)*word) || *word == '.' || *word == '-') || *end ||
	    !isfinite(got))
		return fail(reading, key, "'%s' is not a number", word);
	if (got < min || got > max)
		return fail(reading, key, "%s is not in %g..%g", word, min, max);
	*value = got;
	return 0;
}

static int read_bool(struct reading *reading, const char *key, const char *word, bool *value)
{
	static const char *const words[] = { "false", "true", "no", "yes", "off", "on" };

	if (!word)
		return 0;
	for (size_t i = 0; i < FL_ARRAY_SIZE(words); i++) {
		if (!strcmp(word, words[i])) {
			*value = i & 1;
			return 0;
		}
	}
	return fail(reading, key, "'%s' is neither true nor false", word);
}

/* "EIO", "5": a positive errno. */
static int read_errno(struct reading *reading, const char *key, const char *word, int *value)
{
	uint64_t number = 0;

	if (!word)
		return 0;
	for (int i = 1; i < 134; i++) {
		const char *name = strerrorname_np(i);

		if (name && !strcmp(name, word)) {
			*value = i;
			return 0;
		}
	}
	if (!isdigit((unsigned char)*word))
		return fail(reading, key, "'%s' is neither the name nor the number of an error", word);
	if (read_uint(reading, key, word, 1, 133, &number))
		return -EINVAL;
	*value = (int)number;
	return 0;
}

/* ---- mlx5 ---------------------------------------------------------------------------- */

/* A PCI address as one number: domain, then 16 bits of bus, device and function. */
static int pci_address_parse(const char *address, uint32_t *ret_number)
{
	unsigned int domain, bus, device, function;
	char canonical[16];

	if (sscanf(address, "%4x:%2x:%2x.%1x", &domain, &bus, &device, &function) != 4 ||
	    device > 31 || function > 7)
		return -EINVAL;
	snprintf(canonical, sizeof(canonical), "%04x:%02x:%02x.%x", domain & 0xffff, bus & 0xff,
		 device, function);
	if (strcmp(address, canonical))
		return -EINVAL;
	*ret_number = domain << 16 | bus << 8 | device << 3 | function;
	return 0;
}

static uint32_t mlx5_functions(const struct mlx5_config *config)
{
	return config->ports * (1 + config->vfs);
}

static int read_mlx5_address(struct reading *reading, const char *word, struct mlx5_config *config)
{
	uint32_t number;

	if (!word)
		return fail(reading, "", "the key 'address' is missing");
	if (pci_address_parse(word, &number))
		return fail(reading, "address",
			    "'%s' is no PCI address such as 0000:03:00.0 (lower case)", word);
	if ((number & 7) + config->ports > PCI_FUNCTIONS)
		return fail(reading, "address", "%u ports do not fit from function %u on (0..7)",
			    config->ports, number & 7);
	if ((number & 0xffff) + mlx5_functions(config) > PCI_DOMAIN_FUNCTIONS)
		return fail(reading, "address", "the VFs do not fit in the PCI domain from here on");
	snprintf(config->address, sizeof(config->address), "%s", word);
	return 0;
}

static int read_ms(struct reading *reading, const char *key, const char *word, uint64_t *ns)
{
	double ms = (double)*ns / FL_NS_PER_MS;
	int err = read_real(reading, key, word, 0, LATENCY_MAX_MS, &ms);

	*ns = (uint64_t)(ms * FL_NS_PER_MS + 0.5);
	return err;
}

static int read_fault_step(struct reading *reading, const char *key, const char *word,
			   struct mlx5_fault *fault)
{
	for (int step = 0; step < MLX5_STEP_COUNT; step++) {
		if (!strcmp(word, mlx5_step_key(step))) {
			fault->step = step;
			return 0;
		}
	}
	return fail(reading, key, "no step '%s'; the steps are those of latency_ms", word);
}

static int read_fault(struct reading *reading, unsigned int index, const struct fl_raw_fault *raw,
		      struct mlx5_fault *fault)
{
	char key[8][40];
	int err = 0;

	*fault = (struct mlx5_fault){ 0 };
#define FAULT_KEY(member, name) FAULT_##member,
	enum { FL_RAW_FAULT_KEYS(FAULT_KEY) };
#undef FAULT_KEY
#define FAULT_KEY(member, name)                                                                  \
	snprintf(key[FAULT_##member], sizeof(key[0]), "faults[%u].%s", index, name);
	FL_RAW_FAULT_KEYS(FAULT_KEY)
#undef FAULT_KEY
	if (!raw->step)
		return fail(reading, key[FAULT_step], "the key 'step' is missing");
	if (raw->match && strlen(raw->match) >= sizeof(fault->match))
		return fail(reading, key[FAULT_match], "longer than %zu bytes",
			    sizeof(fault->match) - 1);
	snprintf(fault->match, sizeof(fault->match), "%s", raw->match ? raw->match : "");
	err = err ?: read_fault_step(reading, key[FAULT_step], raw->step, fault);
	err = err ?: read_errno(reading, key[FAULT_error], raw->error, &fault->error);
	err = err ?: read_bool(reading, key[FAULT_hang], raw->hang, &fault->hang);
	err = err ?: read_ms(reading, key[FAULT_deaf], raw->deaf, &fault->deaf_ns);
	err = err ?: read_u32(reading, key[FAULT_after], raw->after, 0, FAULT_COUNT_MAX, &fault->after);
	err = err ?: read_u32(reading, key[FAULT_times], raw->times, 0, FAULT_COUNT_MAX, &fault->times);
	err = err ?: read_real(reading, key[FAULT_probability], raw->probability, 0, 1,
			       &fault->probability);
	if (!err && fault->hang + (fault->error != 0) + (fault->deaf_ns != 0) != 1)
		return fail(reading, key[FAULT_step],
			    "a fault needs one of 'errno', 'hang: true' and 'deaf_ms'");
	return err;
}

static int read_latencies(struct reading *reading, const struct fl_raw_latency *raw,
			  struct mlx5_config *config)
{
	int err = 0;

	for (int step = 0; raw && step < MLX5_STEP_COUNT && !err; step++) {
		double ms = (double)config->latency_ns[step] / FL_NS_PER_MS;
		char key[64];

		if (!raw->step[step])
			continue;
		snprintf(key, sizeof(key), "latency_ms.%s", mlx5_step_key(step));
		err = read_real(reading, key, raw->step[step], 0, LATENCY_MAX_MS, &ms);
		config->latency_ns[step] = (uint64_t)(ms * FL_NS_PER_MS + 0.5);
	}
	return err;
}

static int read_command_timeout(struct reading *reading, const char *word,
				struct mlx5_config *config)
{
	double ms = (double)config->command_timeout_ns / FL_NS_PER_MS;
	int err = read_real(reading, "command_timeout_ms", word, 1, LATENCY_MAX_MS, &ms);

	config->command_timeout_ns = (uint64_t)(ms * FL_NS_PER_MS + 0.5);
	return err;
}

static int read_mlx5(struct reading *reading, const struct fl_raw_device *raw,
		     struct mlx5_config *config)
{
	int err = 0;

	mlx5_config_init(config);
	err = err ?: read_u32(reading, "ports", raw->ports, 1, PCI_FUNCTIONS, &config->ports);
	err = err ?: read_u32(reading, "vfs", raw->vfs, 0, 1024, &config->vfs);
	err = err ?: read_u32(reading, "max_sfs", raw->max_sfs, 0, 32767, &config->max_sfs);
	err = err ?: read_mlx5_address(reading, raw->address, config);
	err = err ?: read_real(reading, "jitter", raw->jitter, 0, 0.9, &config->jitter);
	err = err ?: read_uint(reading, "seed", raw->seed, 0, UINT64_MAX, &config->seed);
	err = err ?: read_u32(reading, "queue_depth", raw->queue_depth, 1, 4096, &config->queue_depth);
	err = err ?: read_u32(reading, "function_share", raw->function_share, 1, 4096,
			      &config->function_share);
	err = err ?: read_command_timeout(reading, raw->command_timeout_ms, config);
	err = err ?: read_bool(reading, "light_probe", raw->light_probe, &config->light_probe);
	err = err ?: read_bool(reading, "switchdev", raw->switchdev, &config->switchdev);
	err = err ?: read_latencies(reading, raw->latency, config);
	if (!err && raw->faults_count > MLX5_FAULTS_MAX)
		return fail(reading, "faults", "%u faults; at most %d", raw->faults_count,
			    MLX5_FAULTS_MAX);
	for (unsigned int i = 0; i < raw->faults_count && !err; i++)
		err = read_fault(reading, i, &raw->faults[i], &config->faults[i]);
	config->fault_count = err ? 0 : raw->faults_count;
	return err;
}

/* ---- mlxsw --------------------------------------------------------------------------- */

static int read_mlxsw_address(struct reading *reading, const char *word,
			      struct mlxsw_config *config)
{
	uint32_t number;

	if (!word)
		return fail(reading, "", "the key 'address' is missing");
	if (pci_address_parse(word, &number))
		return fail(reading, "address",
			    "'%s' is no PCI address such as 0000:03:00.0 (lower case)", word);
	snprintf(config->address, sizeof(config->address), "%s", word);
	return 0;
}

static int read_mlxsw(struct reading *reading, const struct fl_raw_device *raw,
		      struct mlxsw_config *config)
{
	int err = 0;

	mlxsw_config_init(config);
	err = err ?: read_mlxsw_address(reading, raw->address, config);
	err = err ?: read_u32(reading, "ports", raw->ports, 1, MLXSW_PORTS_MAX, &config->ports);
	err = err ?: read_u32(reading, "lanes", raw->lanes, 1, 8, &config->lanes);
	if (!err && config->lanes & (config->lanes - 1))
		return fail(reading, "lanes", "%u is not 1, 2, 4 or 8", config->lanes);
	err = err ?: read_u32(reading, "slots", raw->slots, 0, MLXSW_SLOTS_MAX, &config->slots);
	err = err ?: read_u32(reading, "hosts", raw->hosts, 0, MLXSW_HOSTS_MAX, &config->hosts);
	err = err ?: read_uint(reading, "seed", raw->seed, 0, UINT64_MAX, &config->seed);
	err = err ?: read_ms(reading, "command_ms", raw->command_ms, &config->command_ns);
	err = err ?: read_ms(reading, "provision_ms", raw->provision_ms, &config->provision_ns);
	err = err ?: read_ms(reading, "flash_ms", raw->flash_ms, &config->flash_ns);
	err = err ?: read_ms(reading, "selftest_ms", raw->selftest_ms, &config->selftest_ns);
	return err;
}

/* ---- netdevsim ----------------------------------------------------------------------- */

static int read_netdevsim(struct reading *reading, const struct fl_raw_device *raw,
			  struct fl_topology_netdevsim *netdevsim)
{
	struct nsim_config *config = &netdevsim->config;
	int err = 0;

	nsim_config_init(config);
	netdevsim->count = 1;
	if (!raw->id)
		return fail(reading, "", "the key 'id' is missing");
	err = err ?: read_u32(reading, "id", raw->id, 0, INT_MAX, &config->id);
	err = err ?: read_u32(reading, "count", raw->count, 1, COUNT_MAX, &netdevsim->count);
	if (!err && config->id > INT_MAX - (netdevsim->count - 1))
		return fail(reading, "count", "the ids from %u on do not suffice", config->id);
	err = err ?: read_u32(reading, "ports", raw->ports, 0, NSIM_PORTS_MAX, &config->ports);
	err = err ?: read_u32(reading, "queues", raw->queues, 1, UINT_MAX, &config->queues);
	err = err ?: read_u32(reading, "max_vfs", raw->max_vfs, 0, NSIM_VFS_MAX, &config->max_vfs);
	err = err ?: read_u32(reading, "vfs", raw->vfs, 0, config->max_vfs, &config->vfs);
	err = err ?: read_bool(reading, "switchdev", raw->switchdev, &config->switchdev);
	return err;
}

/* ---- devices of plug-ins ------------------------------------------------------------- */

/* A plug-in's path, from the topology's folder unless it is absolute. */
static char *plugin_path(const char *name, const char *word)
{
	const char *slash = strrchr(name, '/');
	char *path;

	if (*word == '/' || !slash)
		return asprintf(&path, "%s%s", *word == '/' ? "" : "./", word) < 0 ? NULL : path;
	return asprintf(&path, "%.*s/%s", (int)(slash - name), name, word) < 0 ? NULL : path;
}

static int read_name(struct reading *reading, const char *key, const char *word, size_t max,
		     char **ret_copy)
{
	if (!word)
		return fail(reading, "", "the key '%s' is missing", key);
	if (!*word || strlen(word) > max || strpbrk(word, "/ \t\n"))
		return fail(reading, key, "'%.80s' is no name of 1..%zu bytes without '/' and spaces",
			    word, max);
	*ret_copy = strdup(word);
	return *ret_copy ? 0 : -ENOMEM;
}

static int read_foreign(struct reading *reading, const struct fl_raw_device *raw,
			struct fl_topology_foreign *foreign)
{
	int err = 0;

	*foreign = (struct fl_topology_foreign){ 0 };
	if (!*raw->plugin)
		return fail(reading, "plugin", "the path of a shared object is missing");
	foreign->plugin = plugin_path(reading->name, raw->plugin);
	if (!foreign->plugin)
		return -ENOMEM;
	err = err ?: read_name(reading, "driver", raw->driver, 63, &foreign->driver);
	err = err ?: read_name(reading, "bus", raw->bus, 31, &foreign->bus);
	err = err ?: read_name(reading, "address", raw->address, 48, &foreign->address);
	err = err ?: read_u32(reading, "count", raw->count, 1, COUNT_MAX, &foreign->count);
	if (!err && raw->options) {
		foreign->options = strdup(raw->options);
		err = foreign->options ? 0 : -ENOMEM;
	}
	return err;
}

/* ---- the whole ----------------------------------------------------------------------- */

/* Whose a key is, as bits. */
enum { MLX5 = 1 << FL_TOPOLOGY_MLX5, MLXSW = 1 << FL_TOPOLOGY_MLXSW,
       NETDEVSIM = 1 << FL_TOPOLOGY_NETDEVSIM, PLUGIN = 1 << FL_TOPOLOGY_PLUGIN };

static const char *const kind_names[] = {
	[FL_TOPOLOGY_MLX5] = "the driver mlx5",
	[FL_TOPOLOGY_MLXSW] = "the driver mlxsw",
	[FL_TOPOLOGY_NETDEVSIM] = "the driver netdevsim",
	[FL_TOPOLOGY_PLUGIN] = "a plug-in's device",
};

/* Keys that other kinds of devices have. */
static int check_keys(struct reading *reading, const struct fl_raw_device *raw,
		      enum fl_topology_kind kind)
{
#define CHECK_KEY(member, key, whose)                                                            \
	if (raw->member && !((whose) & 1 << kind))                                               \
		return fail(reading, key, "not a key of %s", kind_names[kind]);
	FL_RAW_DEVICE_KEYS(CHECK_KEY)
#undef CHECK_KEY
	if (raw->latency && kind != FL_TOPOLOGY_MLX5)
		return fail(reading, "latency_ms", "not a key of %s", kind_names[kind]);
	if (raw->faults && kind != FL_TOPOLOGY_MLX5)
		return fail(reading, "faults", "not a key of %s", kind_names[kind]);
	return 0;
}

static int read_kind(struct reading *reading, const struct fl_raw_device *raw,
		     enum fl_topology_kind *ret_kind)
{
	if (!raw->driver)
		return fail(reading, "", "the key 'driver' is missing");
	if (raw->plugin)
		*ret_kind = FL_TOPOLOGY_PLUGIN;
	else if (!strcmp(raw->driver, "mlx5"))
		*ret_kind = FL_TOPOLOGY_MLX5;
	else if (!strcmp(raw->driver, "mlxsw"))
		*ret_kind = FL_TOPOLOGY_MLXSW;
	else if (!strcmp(raw->driver, "netdevsim"))
		*ret_kind = FL_TOPOLOGY_NETDEVSIM;
	else
		return fail(reading, "driver",
			    "no driver '%s'; there are mlx5, mlxsw, netdevsim, and what a 'plugin' brings",
			    raw->driver);
	return 0;
}

static int read_device(struct reading *reading, const struct fl_raw_device *raw)
{
	struct fl_topology_device *device = &reading->topology->devices[reading->index];
	char path[32];
	int err;

	snprintf(path, sizeof(path), "devices[%zu]", reading->index);
	err = read_kind(reading, raw, &device->kind);
	if (!err)
		err = check_keys(reading, raw, device->kind);
	if (err)
		return err;
	device->line = fl_places_line(reading->places, path);
	reading->topology->count = reading->index + 1;
	switch (device->kind) {
	case FL_TOPOLOGY_MLX5:
		return read_mlx5(reading, raw, &device->mlx5);
	case FL_TOPOLOGY_MLXSW:
		return read_mlxsw(reading, raw, &device->mlxsw);
	case FL_TOPOLOGY_NETDEVSIM:
		return read_netdevsim(reading, raw, &device->netdevsim);
	case FL_TOPOLOGY_PLUGIN:
		return read_foreign(reading, raw, &device->plugin);
	}
	return -EINVAL;
}

/* What one device takes of the addresses: functions on PCI, ids of netdevsim, or a name on
 * another bus. */
struct taken {
	enum fl_topology_kind kind;
	uint32_t first, count;
	const struct fl_topology_foreign *foreign;
	size_t index;
};

static int taken_compare(const void *a, const void *b)
{
	const struct taken *x = a, *y = b;
	int order;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (!x->foreign)
		return x->first != y->first ? (x->first < y->first ? -1 : 1) : x->index > y->index;
	order = strcmp(x->foreign->bus, y->foreign->bus);
	order = order ? order : strcmp(x->foreign->address, y->foreign->address);
	return order ? order : x->index > y->index;
}

static bool taken_twice(const struct taken *a, const struct taken *b)
{
	if (a->kind != b->kind)
		return false;
	if (!a->foreign)
		return a->first + a->count > b->first;
	return !strcmp(a->foreign->bus, b->foreign->bus) &&
	       !strcmp(a->foreign->address, b->foreign->address);
}

static int check_neighbours(struct reading *reading, const struct taken *a, const struct taken *b)
{
	size_t later = a->index > b->index ? a->index : b->index;

	if (!taken_twice(a, b))
		return 0;
	reading->index = later;
	if (a->kind == FL_TOPOLOGY_NETDEVSIM)
		return fail(reading, "id", "taken already by devices[%zu]",
			    a->index + b->index - later);
	return fail(reading, "address", "taken already by a function of devices[%zu]",
		    a->index + b->index - later);
}

static void taken_fill(struct taken *taken, const struct fl_topology_device *device)
{
	taken->kind = device->kind;
	switch (device->kind) {
	case FL_TOPOLOGY_MLX5:
		pci_address_parse(device->mlx5.address, &taken->first);
		taken->count = mlx5_functions(&device->mlx5);
		break;
	case FL_TOPOLOGY_MLXSW: /* functions on PCI as well */
		taken->kind = FL_TOPOLOGY_MLX5;
		pci_address_parse(device->mlxsw.address, &taken->first);
		taken->count = 1;
		break;
	case FL_TOPOLOGY_NETDEVSIM:
		taken->first = device->netdevsim.config.id;
		taken->count = device->netdevsim.count;
		break;
	case FL_TOPOLOGY_PLUGIN:
		taken->foreign = &device->plugin;
		break;
	}
}

static int check_addresses(struct reading *reading)
{
	size_t count = reading->topology->count;
	struct taken *taken = calloc(count ? count : 1, sizeof(*taken));
	int err = 0;

	if (!taken)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		taken[i].index = i;
		taken_fill(&taken[i], &reading->topology->devices[i]);
	}
	qsort(taken, count, sizeof(*taken), taken_compare);
	for (size_t i = 1; i < count && !err; i++)
		err = check_neighbours(reading, &taken[i - 1], &taken[i]);
	free(taken);
	return err;
}

static int read_all(struct reading *reading)
{
	size_t count = reading->raw->devices_count;
	int err;

	reading->topology = calloc(1, sizeof(*reading->topology));
	if (!reading->topology)
		return -ENOMEM;
	reading->topology->devices = calloc(count ? count : 1, sizeof(struct fl_topology_device));
	if (!reading->topology->devices)
		return -ENOMEM;
	for (; reading->index < count; reading->index++) {
		err = read_device(reading, &reading->raw->devices[reading->index]);
		if (err)
			return err;
	}
	return check_addresses(reading);
}

int fl_topology_parse(const char *name, const char *text, size_t len,
		      struct fl_topology **ret_topology, char **ret_error)
{
	struct reading reading = { .name = name };
	struct fl_raw_topology *raw = NULL;
	struct fl_places *places = NULL;
	char *path = NULL, *message = NULL;
	unsigned int line = 1;
	int err;

	err = fl_places_scan(text, len, &places, &line, &path, &message);
	if (!err) {
		err = fl_raw_load(text, len, &raw, &path, &message);
		if (path)
			line = fl_places_line(places, path);
	}
	if (path)
		error_set(&reading.error, name, line, path, message);
	if (!err) {
		reading.places = places;
		reading.raw = raw;
		err = read_all(&reading);
	}
	free(path);
	free(message);
	fl_raw_free(raw);
	fl_places_free(places);
	if (err) {
		fl_topology_free(reading.topology);
		*ret_error = reading.error;
		return err;
	}
	*ret_topology = reading.topology;
	return 0;
}

int fl_topology_load(const char *path, struct fl_topology **ret_topology, char **ret_error)
{
	size_t len;
	char *text;
	int err;

	err = fl_text_file_read(path, &text, &len);
	if (err) {
		if (asprintf(ret_error, "%s: %s", path, strerror(-err)) < 0)
			*ret_error = NULL;
		return err;
	}
	err = fl_topology_parse(path, text, len, ret_topology, ret_error);
	free(text);
	return err;
}

int fl_topology_default(struct fl_topology **ret_topology)
{
	struct fl_topology *topology = calloc(1, sizeof(*topology));

	if (!topology)
		return -ENOMEM;
	topology->devices = calloc(1, sizeof(*topology->devices));
	if (!topology->devices) {
		free(topology);
		return -ENOMEM;
	}
	topology->count = 1;
	mlx5_config_init(&topology->devices[0].mlx5);
	snprintf(topology->devices[0].mlx5.address, sizeof(topology->devices[0].mlx5.address),
		 "0000:03:00.0");
	*ret_topology = topology;
	return 0;
}

void fl_topology_free(struct fl_topology *topology)
{
	if (!topology)
		return;
	for (size_t i = 0; topology->devices && i < topology->count; i++) {
		struct fl_topology_device *device = &topology->devices[i];

		if (device->kind != FL_TOPOLOGY_PLUGIN)
			continue;
		free(device->plugin.plugin);
		free(device->plugin.driver);
		free(device->plugin.bus);
		free(device->plugin.address);
		free(device->plugin.options);
	}
	free(topology->devices);
	free(topology);
}
