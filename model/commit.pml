/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * commit.pml - commits of one instance, and those who read (core/commit.c, clauses C1..C5).
 *
 *   here                  there
 *   version[], current    struct fl_version, fl_devlink.version
 *   port[].x, .y          one port object of a version: two fields that belong together
 *   lane[]                being alone on the lane of a port (lane.pml proves it)
 *   commit_lock           fl_devlink.commit_lock
 *   writer()              an operation: fl_txn_begin() .. fl_txn_commit(), its reply
 *   remover()             a removal that goes on without a parked operation, and commits
 *                         fl_txn_unregister()
 *   record[], log_end     struct fl_evlog
 *   client()              a session that is subscribed and asks: fl_evlog_read(), a get
 *   reading[], waits_for  fl_rcu_read_lock(), fl_rcu_call()
 *   POISON                memory that was freed
 *
 * The clients take no lock, so the commit lock is a lock here and each step under it is
 * a step of its own.
 */
#include "common.pml"

#define VERSIONS 5
#define RECORDS 8
#define POISON 99

typedef port_t { byte x, y };
typedef version_t {
	port_t port[2];
	bool registered;
	byte seq;
};
version_t version[VERSIONS];
byte current, versions = 1;
bool retired[VERSIONS];
byte waits_for[VERSIONS]; /* clients whose read section began before it was retired */
byte reading;             /* clients in a read section */

bool lane[2], sealed, parked[2], commit_lock;

typedef record_t { byte port, x, seq; bool del };
record_t record[RECORDS];
byte log_end;

/* Ghosts: what was done and what was answered. */
byte committed[2], logged[2], writing;

inline take(lock) { atomic { !lock -> lock = true } }
inline drop(lock) { lock = false }

inline append(p, value, n, gone)
{
	d_step {
		assert(log_end < RECORDS);
		MUST(C3, log_end == 0 || record[log_end - 1].seq <= n); /* the order of commits */
		record[log_end].port = p;
		record[log_end].x = value;
		record[log_end].seq = n;
		record[log_end].del = gone;
		log_end++;
		logged[p] = (gone -> logged[p] : value)
	}
}

inline copy_version(to, from)
{
	version[to].port[0].x = version[from].port[0].x;
	version[to].port[0].y = version[from].port[0].y;
	version[to].port[1].x = version[from].port[1].x;
	version[to].port[1].y = version[from].port[1].y;
	version[to].registered = version[from].registered;
	version[to].seq = version[from].seq + 1
}

inline poison(v)
{
	version[v].port[0].x = POISON;
	version[v].port[0].y = POISON;
	version[v].port[1].x = POISON;
	version[v].port[1].y = POISON
}

inline retire(v)
{
	d_step {
#ifdef PLANT_FREE_AT_ONCE
		poison(v);
#endif
		retired[v] = true;
		waits_for[v] = reading
	}
}

#define FREE(v) \
	:: d_step { retired[v] && waits_for[v] == 0 -> poison(v); retired[v] = false }

/* Frees what no reader can see any more (C1). */
active proctype grace_periods()
{
end_idle:
	do
	FREE(0)
	FREE(1)
	FREE(2)
	FREE(3)
	od
}

/* ---- operations ------------------------------------------------------------------- */

inline apply_edits()
{
#ifdef PLANT_EDIT_IN_PLACE
	version[current].port[p].x = edit;
	version[current].port[p].y = edit;
#endif
	d_step {
		base = current;
#ifndef PLANT_PRIVATE_COPY_SWAP
		copy_version(mine, base);
#endif
		version[mine].port[p].x = edit;
		version[mine].port[p].y = edit
	}
}

inline swap()
{
	d_step {
		MUST(C5, version[base].registered);
		current = mine;
		committed[p]++
	}
}

/* The intermediate one (the port before it has a type) and the last one, in this order. */
inline notify()
{
	if
	:: SCENE != 3 -> append(p, edit, version[mine].seq, false)
	:: else
	fi;
	append(p, edit, version[mine].seq, false)
}

inline reply()
{
	MUST(C4, logged[p] >= edit && version[current].port[p].x >= edit)
}

proctype writer(byte p)
{
	byte mine, base, edit;
	bool refused;

	atomic {
		if
		:: sealed -> goto done
#ifndef PLANT_EDIT_NOT_ALONE
		:: !sealed && !lane[p] -> lane[p] = true
#else
		:: !sealed
#endif
		fi
	}
	d_step { /* fl_txn_begin(): what the transaction sees, under RCU */
		edit = version[current].port[p].x + 1;
		mine = versions;
		versions++;
#ifdef PLANT_PRIVATE_COPY_SWAP
		copy_version(mine, current)
#endif
	}
	if
	:: true
	:: SCENE == 2 -> goto out /* -ENOMEM: the last moment at which a commit can fail */
	fi;
#ifdef PLANT_PARKED_LOOKED_EARLY
	refused = parked[p];
	take(commit_lock);
#else
	take(commit_lock);
	refused = parked[p];
#endif
	if
	:: refused -> drop(commit_lock); goto out /* -ECANCELED */
	:: else
	fi;
	apply_edits();
#ifdef PLANT_NOTIFY_BEFORE_COMMIT
	notify();
#endif
	swap();
#ifdef PLANT_REPLY_FIRST
	reply();
#endif
#ifdef PLANT_NOTIFY_UNLOCKED
	drop(commit_lock);
	notify();
#else
#ifndef PLANT_NOTIFY_BEFORE_COMMIT
	notify();
#endif
	drop(commit_lock);
#endif
	retire(base);
	reply();
out:
	atomic {
		lane[p] = (parked[p] -> lane[p] : false)
	}
done:
	atomic { writing--; mine = 0; base = 0; edit = 0; refused = false }
}

/* Rule 6: alone on the instance, of which one operation may not listen. */
proctype remover()
{
	byte mine, base;

	sealed = true;
	atomic {
		if
		:: lane[0] -> parked[0] = true
		:: !lane[0] -> lane[0] = true
		fi
	}
	take(lane[1]);
	atomic { mine = versions; versions++ }
	take(commit_lock);
	d_step {
		base = current;
		copy_version(mine, base);
		version[mine].registered = false
	}
	current = mine;
	append(0, 0, version[mine].seq, true);
	drop(commit_lock);
	retire(base);
	atomic { writing--; mine = 0; base = 0 }
}

/* ---- clients ---------------------------------------------------------------------- */

inline read_lock() { reading = reading | BIT(me) }

inline read_unlock()
{
	d_step {
		reading = reading & ~BIT(me);
		waits_for[0] = waits_for[0] & ~BIT(me);
		waits_for[1] = waits_for[1] & ~BIT(me);
		waits_for[2] = waits_for[2] & ~BIT(me);
		waits_for[3] = waits_for[3] & ~BIT(me);
		v = 0; p = 0; x = 0
	}
}

inline read_event()
{
	d_step {
		p = record[at].port;
		if
		:: record[at].del -> told_gone = true
		:: else ->
			MUST(C3, !told_gone);
			MUST(C3, record[at].x >= told[p]); /* one object, in order */
			told[p] = record[at].x
		fi;
		at++;
		p = 0
	}
}

inline ask()
{
	read_lock();
	v = current;
	if
	:: p = 0
	:: p = 1
	fi;
	x = version[v].port[p].x;
	d_step {
		MUST(C1, x != POISON && version[v].port[p].y != POISON);
		MUST(C1, x == version[v].port[p].y); /* all of a commit or nothing */
		MUST(C3, x >= told[p]); /* not older than what was told */
		MUST(C3, !told_gone || !version[v].registered)
	}
	read_unlock()
}

proctype client(byte me)
{
	byte at, p, v, x, told[2];
	bool told_gone;

	do
	:: at < log_end -> read_event()
	:: writing != 0 || at < log_end -> ask()
	:: writing == 0 && at == log_end -> break
	od;
	ask();
	/* Who has read all events knows all. */
	MUST(C3, told[0] == version[current].port[0].x);
	MUST(C3, told[1] == version[current].port[1].x);
	MUST(C3, told_gone == !version[current].registered);
	d_step { told[0] = 0; told[1] = 0; at = 0; told_gone = false }
}

/* One that is not subscribed. */
proctype reader(byte me)
{
	byte p, v, x, told[2];
	bool told_gone;

	ask();
	ask()
}

/* ---- scenes ----------------------------------------------------------------------- */

init
{
	atomic {
		version[0].registered = true;
#if SCENE == 1 /* one client; three operations, two of them on one port */
		writing = 3;
		run writer(0); run writer(0); run writer(1); run client(0);
#elif SCENE == 2 /* a removal meanwhile; one operation does not listen */
		writing = 3;
		run writer(0); run writer(1); run remover(); run client(0);
#else /* two that start and end their reads at any time */
		writing = 2;
		run writer(0); run writer(1); run client(0); run reader(1);
#endif
	}
	timeout;
	/* Each commit is in the last version. */
	MUST(C2, version[current].port[0].x == committed[0]);
	MUST(C2, version[current].port[1].x == committed[1]);
	assert(!commit_lock && writing == 0)
}
