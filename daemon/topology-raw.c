// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/topology-raw.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

#define WORD (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define FAULT_KEY(member, key)                                                                   \
	CYAML_FIELD_STRING_PTR(key, WORD, struct fl_raw_fault, member, 0, CYAML_UNLIMITED),
#define DEVICE_KEY(member, key, whose)                                                           \
	CYAML_FIELD_STRING_PTR(key, WORD, struct fl_raw_device, member, 0, CYAML_UNLIMITED),
#define LATENCY_KEY(name, key, ns)                                                               \
	CYAML_FIELD_STRING_PTR(key, WORD, struct fl_raw_latency, step[MLX5_STEP_##name], 0,      \
			       CYAML_UNLIMITED),

static const cyaml_schema_field_t fault_fields[] = { FL_RAW_FAULT_KEYS(FAULT_KEY) CYAML_FIELD_END };

static const cyaml_schema_field_t latency_fields[] = { MLX5_STEPS(LATENCY_KEY) CYAML_FIELD_END };

static const cyaml_schema_value_t fault_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct fl_raw_fault, fault_fields),
};

static const cyaml_schema_field_t device_fields[] = {
	FL_RAW_DEVICE_KEYS(DEVICE_KEY)
	CYAML_FIELD_MAPPING_PTR("latency_ms", WORD, struct fl_raw_device, latency, latency_fields),
	CYAML_FIELD_SEQUENCE("faults", WORD, struct fl_raw_device, faults, &fault_value, 0,
			     CYAML_UNLIMITED),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t device_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct fl_raw_device, device_fields),
};

static const cyaml_schema_field_t topology_fields[] = {
	CYAML_FIELD_SEQUENCE("devices", CYAML_FLAG_POINTER, struct fl_raw_topology, devices,
			     &device_value, 0, CYAML_UNLIMITED),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t topology_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct fl_raw_topology, topology_fields),
};

/* What libcyaml told: first what is wrong, then where, innermost first. */
struct trace {
	char message[256];
	char path[256];
	bool tracing;
};

/* Puts `part` before the path gathered so far. */
static void trace_prepend(struct trace *trace, const char *part)
{
	char path[sizeof(trace->path)];
	const char *dot = *trace->path && *trace->path != '[' ? "." : "";
	size_t len = (size_t)snprintf(path, sizeof(path), "%s%s", part, dot);

	if (len < sizeof(path))
		snprintf(path + len, sizeof(path) - len, "%s", trace->path);
	memcpy(trace->path, path, sizeof(path));
}

/* One line of the backtrace: "  in mapping field 'faults' (line: 3, column: 5)" or
 * "  in sequence entry '2' (...)", counted from 1. */
static void trace_step(struct trace *trace, const char *line)
{
	char name[64], part[80];
	unsigned int entry;

	if (sscanf(line, " in mapping field '%63[^']'", name) == 1) {
		trace_prepend(trace, name);
	} else if (sscanf(line, " in sequence entry '%u'", &entry) == 1) {
		snprintf(part, sizeof(part), "[%u]", entry ? entry - 1 : 0);
		trace_prepend(trace, part);
	}
}

static void trace_line(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
	struct trace *trace = ctx;
	char line[256];
	size_t len;

	vsnprintf(line, sizeof(line), fmt, args);
	len = strcspn(line, "\n");
	line[len] = 0;
	if (!strcmp(line, "Load: Backtrace:"))
		trace->tracing = true;
	else if (trace->tracing)
		trace_step(trace, line);
	else if (!strncmp(line, "Load: ", 6) && !*trace->message)
		memcpy(trace->message, line + 6, len - 6 + 1);
}

/* libcyaml's words in ours, and the key at fault at the end of the path. */
static void trace_translate(struct trace *trace, cyaml_err_t err)
{
	char key[64], got[64], wanted[32];

	if (sscanf(trace->message, "Unexpected key: %63[^\n]", key) == 1) {
		size_t len = strlen(trace->path);

		snprintf(trace->message, sizeof(trace->message), "no such key");
		snprintf(trace->path + len, sizeof(trace->path) - len, "%s%s", len ? "." : "", key);
	} else if (sscanf(trace->message, "Missing required mapping field: %63s", key) == 1) {
		/* Only the outermost map has a required key; the trace ends at another one. */
		trace->path[0] = 0;
		snprintf(trace->message, sizeof(trace->message), "the key '%s' is missing", key);
	} else if (sscanf(trace->message, "Expecting %31[A-Z_], got event: %63s", wanted, got) == 2) {
		const char *want = !strcmp(wanted, "SEQUENCE") ? "a list" :
				   !strcmp(wanted, "MAPPING")  ? "a map of keys" :
								 "a single value";

		snprintf(trace->message, sizeof(trace->message), "must be %s", want);
	} else if (!*trace->message) {
		snprintf(trace->message, sizeof(trace->message), "%s", cyaml_strerror(err));
	}
}

static const cyaml_config_t *raw_config(cyaml_config_t *config, struct trace *trace)
{
	*config = (cyaml_config_t){
		.log_fn = trace ? trace_line : NULL,
		.log_ctx = trace,
		.mem_fn = cyaml_mem,
		.log_level = CYAML_LOG_ERROR,
		.flags = CYAML_CFG_NO_ALIAS,
	};
	return config;
}

int fl_raw_load(const char *text, size_t len, struct fl_raw_topology **ret_raw, char **ret_path,
		char **ret_message)
{
	struct fl_raw_topology *raw = NULL;
	struct trace trace = { .path = "" };
	cyaml_config_t config;
	cyaml_err_t err;

	err = cyaml_load_data((const uint8_t *)text, len, raw_config(&config, &trace),
			      &topology_value, (cyaml_data_t **)&raw, NULL);
	if (err == CYAML_OK && raw) {
		*ret_raw = raw;
		return 0;
	}
	if (err == CYAML_ERR_OOM)
		return -ENOMEM;
	if (err == CYAML_OK)
		snprintf(trace.message, sizeof(trace.message), "a list 'devices' is missing");
	trace_translate(&trace, err);
	char *path = strdup(trace.path);
	char *message = strdup(trace.message);

	if (!path || !message) {
		free(path);
		free(message);
		return -ENOMEM;
	}
	*ret_path = path;
	*ret_message = message;
	return -EINVAL;
}

void fl_raw_free(struct fl_raw_topology *raw)
{
	cyaml_config_t config;

	if (raw)
		cyaml_free(raw_config(&config, NULL), &topology_value, raw, 0);
}
