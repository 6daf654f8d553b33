/* The protocol of src/objects as a model for Spin: one object, two writers, readers in two instances, somebody who changes S3
 * without the service. README.md tells what is left out, and what the names of the switches mean.
 *
 * A script is one d_step, because the server runs it as one, and S3 does each request at one moment; everything between two of
 * these may be interleaved with everything else. Times are a choice: an entry may be past its time, and a lease over, at any
 * moment. A write's time in a fence may be over at any moment at which S3 has nothing of it under way: that is what its time is
 * for, and all that is assumed of time.
 *
 * What S3 has is a number, one more with each change; an answer is right for a read when it is not less than what the last write
 * had that was acknowledged before the read began. */

#ifndef WRITES
#define WRITES 2
#endif
#ifndef READS
#define READS 2 /* the first two are in one instance, the third in another */
#endif
#define WRITERS 2
#define READERS 3
#define NOBODY 255
#define INSTANCE(r) ((r) / 2)

/* ---- the cache ---- */

#define NONE 0
#define ENTRY 1
#define FENCE 2

byte kind;
byte content;     /* of an entry */
bit fresh;
byte tokens;      /* of a fence: a bit for each writer */
bit mark;
byte spare;       /* the content of the entry that a fence replaced; 0: none */
byte lease = NOBODY;
#define HELD 254  /* by nobody, after S3 failed */

/* ---- S3 ---- */

byte s3 = 1;
bit under_way[WRITERS]; /* a write may still come to S3 */
bit astray[WRITERS];    /* and nobody waits for it */
bit untold;             /* somebody has changed it, and the event has not come yet */

/* ---- what is known beside, for the properties ---- */

byte acknowledged; /* what S3 had with the last write that was acknowledged */
bool nothing_old_is_served, the_cache_has_what_s3_has;

inline check()
{
    skip;
#ifndef EVICTION
    the_cache_has_what_s3_has = kind != ENTRY || content == s3 || untold;
    assert(the_cache_has_what_s3_has);
#endif
}

inline serve(what)
{
    nothing_old_is_served = what >= floor;
    assert(nothing_old_is_served);
}

/* ---- the scripts ---- */

/* fence.lua */
inline fence(w)
{
    d_step {
#ifndef FENCE_LEAVES_LEASE
        lease = NOBODY;
#endif
        under_way[w] = 1;
        if
        :: kind == FENCE && (tokens >> w & 1) -> skip
        :: kind == FENCE && !(tokens >> w & 1) ->
            tokens = tokens | 1 << w;
#ifndef RESTORED_THOUGH_MARKED
            spare = 0;
#endif
            mark = 1
        :: else ->
            if
            :: kind == ENTRY -> spare = content
#ifndef FENCE_LEAVES_SPARE
            :: kind != ENTRY -> spare = 0
#endif
            :: else
            fi;
            kind = FENCE;
            tokens = 1 << w;
            mark = 0
        fi
    }
}

/* settle.lua; undone: S3 has done nothing */
inline settle(w, what, keep, undone)
{
    d_step {
        lease = NOBODY;
        if
        :: kind != FENCE ->
#ifndef SETTLE_LEAVES_ENTRY
            kind = NONE
#endif
            skip
        :: kind == FENCE && !(tokens >> w & 1) -> mark = 1
        :: else ->
            tokens = tokens & ~(1 << w);
            if
            :: tokens != 0 -> mark = 1
#ifdef CONTENDED_IS_FILLED
            :: tokens == 0 && keep ->
#else
            :: tokens == 0 && keep && !mark ->
#endif
                kind = ENTRY;
                content = what;
                fresh = 1
#ifdef RESTORED_THOUGH_MARKED
            :: tokens == 0 && undone && spare != 0 ->
#else
            :: tokens == 0 && undone && spare != 0 && !mark ->
#endif
                kind = ENTRY;
                content = spare;
                fresh = 1
            :: else -> kind = NONE
            fi
        fi;
#ifdef RESTORED_THOUGH_MARKED
        if
        :: kind != FENCE -> spare = 0
        :: else
        fi;
#else
        spare = 0;
#endif
        check()
    }
}

#define GO 1
#define BYPASS 2
#define WAIT 3
#define FOUND 4

/* lease.lua */
inline take_lease(r)
{
    d_step {
        if
#ifndef LEASE_THROUGH_FENCE
        :: kind == FENCE -> advice = BYPASS
#endif
        :: kind == ENTRY && fresh ->
            advice = FOUND;
            got = content
        :: else ->
            if
            :: lease != NOBODY && lease != r ->
                advice = WAIT;
                there = kind == ENTRY
            :: else ->
                lease = r;
                advice = GO
            fi
        fi
    }
}

/* fill.lua */
inline fill(r)
{
    d_step {
#ifdef FILL_WITHOUT_LEASE
        kept = 1;
#else
        kept = lease == r;
#endif
        if
        :: kept ->
            kind = ENTRY;
            content = got;
            fresh = 1;
            lease = NOBODY
        :: else
        fi;
        check()
    }
}

/* touch.lua */
inline touch(r)
{
    d_step {
        kept = lease == r && kind == ENTRY && content == old;
        if
        :: lease == r -> lease = NOBODY
        :: else
        fi;
        if
        :: kept -> fresh = 1
        :: else
        fi
    }
}

/* release.lua */
inline release(r)
{
    d_step {
        if
        :: lease == r -> lease = (old != 0 -> HELD : NOBODY)
        :: else
        fi
    }
}

/* drop.lua; the event tells what S3 had when it was sent */
inline drop(what)
{
    d_step {
#ifndef DROP_LEAVES_LEASE
        lease = NOBODY;
#endif
#ifndef RESTORED_THOUGH_MARKED
        spare = 0;
#endif
        if
#ifndef DROP_LEAVES_FENCE
        :: kind == FENCE -> mark = 1
#endif
        :: kind == ENTRY && content != what -> kind = NONE
        :: else
        fi
    }
}

/* ---- a write ---- */

#define MAY_CRASH if :: skip :: goto crashed fi

proctype writer(byte w)
{
    byte mine;
    bit keep;

    if
    :: atomic {
        MAY_CRASH;
        fence(w)
    };
        if
        :: skip
        :: goto unanswered
        fi
    :: atomic { /* the fence is late: it comes after it was let go */
        MAY_CRASH;
        settle(w, 0, 0, 1)
    };
        fence(w);
        goto crashed
    fi;
    /* S3: it is done; it is refused; nobody knows, and it may still come */
    if
    :: d_step { s3++; mine = s3; under_way[w] = 0; check() }
    :: d_step { under_way[w] = 0 };
        atomic {
            MAY_CRASH;
            if
            :: settle(w, 0, 0, 1)
            :: settle(w, 0, 0, 0) /* a condition did not hold: the cache may be behind */
            fi
        };
        if
        :: settle(w, 0, 0, 1) /* it comes twice */
        :: skip
        fi;
        goto ended
    :: d_step { astray[w] = 1 };
#ifdef LET_GO_UNKNOWN
        settle(w, 0, 0, 1);
#endif
        goto ended
    fi;
    atomic {
        MAY_CRASH;
        keep = s3 == mine /* HEAD */
    };
    atomic {
        MAY_CRASH;
        if
        :: settle(w, mine, keep, 0)
#ifndef EVICTION
        :: kind == FENCE && (tokens >> w & 1) -> skip /* the cache can't be told, within the fence's time */
#endif
        fi
    };
    d_step {
        if
        :: mine > acknowledged -> acknowledged = mine
        :: else
        fi
    };
    if
    :: settle(w, mine, keep, 0) /* it comes twice */
    :: skip
    fi;
    goto ended;
unanswered: /* the fence's answer is lost: S3 is not asked, and the fence is let go */
    atomic {
        under_way[w] = 0;
        MAY_CRASH;
        settle(w, 0, 0, 1);
        goto ended
    };
crashed:
    under_way[w] = 0;
ended:
    skip;
    d_step { mine = 0; keep = 0 }
}

active proctype late_writes()
{
end:
    do
    :: d_step { astray[0] -> astray[0] = 0; s3++; under_way[0] = 0; check() }
    :: d_step { astray[1] -> astray[1] = 0; s3++; under_way[1] = 0; check() }
    :: d_step { astray[0] -> astray[0] = 0; under_way[0] = 0 }
    :: d_step { astray[1] -> astray[1] = 0; under_way[1] = 0 }
    od
}

/* Somebody changes S3 without the service; the event comes later, and perhaps once more. */
#ifdef OTHERS
proctype other()
{
    byte what;
    d_step { s3++; what = s3; untold = 1 };
    drop(what);
    d_step { untold = 0; check() };
    if
    :: drop(what)
    :: skip
    fi
}
#endif

/* ---- time ---- */

#ifdef FENCE_ENDS_EARLY
#define IS_NEEDED(w) 0
#else
#define IS_NEEDED(w) under_way[w]
#endif

/* A fence lists each write for a time of the write's own, and ends with the last. */
inline end_write(w)
{
    d_step {
        kind == FENCE && (tokens >> w & 1) && !IS_NEEDED(w) ->
        tokens = tokens & ~(1 << w);
        if
        :: tokens == 0 -> kind = NONE; mark = 0
        :: else
        fi
    }
}

active proctype time()
{
end:
    do
    :: d_step { kind == ENTRY && fresh -> fresh = 0 }
    :: d_step { kind == ENTRY && !fresh -> kind = NONE }
    :: end_write(0)
    :: end_write(1)
    :: d_step { lease != NOBODY -> lease = NOBODY }
    :: d_step { spare != 0 -> spare = 0 }
#ifdef EVICTION
    :: d_step { kind != NONE -> kind = NONE; tokens = 0; mark = 0 }
#endif
    od
}

/* ---- reads ---- */

/* The flight of the first instance: the second has one reader, so that its flight has nobody else. */
bit flying;
bit leaderless;
bit waits[READERS];
byte asked[READERS]; /* questions since it began to wait: 0, 1, or 2 for more */
bit given[READERS];  /* the result is there */
byte taken[READERS]; /* it; 0: each is to look again */
byte needed;         /* so many questions since */

#ifdef JOIN_ANY
#define SERVED(i) 1
#else
#define SERVED(i) (asked[i] >= needed)
#endif

inline ask()
{
    d_step {
        if
        :: waits[0] && asked[0] < 2 -> asked[0]++
        :: else
        fi;
        if
        :: waits[1] && asked[1] < 2 -> asked[1]++
        :: else
        fi
    }
}

/* flight_finish: with what was got by the last question, or by the one before it; 0: by none */
inline finish(what, since)
{
    d_step {
        if
        :: INSTANCE(r) == 0 ->
            needed = since;
            given[0] = waits[0] && SERVED(0);
            given[1] = waits[1] && SERVED(1);
            if
            :: given[0] -> taken[0] = what
            :: else
            fi;
            if
            :: given[1] -> taken[1] = what
            :: else
            fi;
            waits[0] = waits[0] && !given[0];
            waits[1] = waits[1] && !given[1];
            leaderless = waits[0] || waits[1];
            flying = leaderless
        :: else
        fi
    }
}

proctype reader(byte r)
{
    byte floor, old, got, advice;
    bit there, kept;

    floor = acknowledged;
again:
    skip;
    atomic {
        d_step { /* cache_read */
            old = 0;
            got = 0;
            if
            :: kind == ENTRY && fresh -> got = content
            :: kind == ENTRY && !fresh -> old = content
            :: else
            fi
        };
        if
        :: got != 0 -> goto serves
        :: got == 0
        fi
    };
    atomic {
        d_step { /* flight_enter */
            if
            :: INSTANCE(r) == 0 && flying -> advice = WAIT
            :: else ->
                advice = GO;
                if
                :: INSTANCE(r) == 0 -> flying = 1
                :: else
                fi
            fi;
            if
            :: advice == WAIT && old == 0 ->
                waits[r] = 1;
                asked[r] = 0
            :: else
            fi
        };
        if
        :: advice == WAIT && old != 0 -> got = old; goto serves
        :: advice == WAIT && old == 0 ->
            if
            :: d_step { given[r] -> given[r] = 0; got = taken[r] };
                if
                :: got != 0 -> goto serves
                :: else -> goto again
                fi
            :: d_step { leaderless && waits[r] -> leaderless = 0; waits[r] = 0 };
                goto leads
            fi
        :: else
        fi
    };
leads:
    skip;
    ask();
    atomic {
        if
        :: take_lease(r)
        :: advice = BYPASS /* the cache does not answer, or it has waited long enough */
        fi;
        if
        :: advice == FOUND -> goto found
        :: advice == WAIT && there && old != 0 -> goto stale
        :: advice == WAIT && !(there && old != 0) -> goto leads
        :: else
        fi
    };
    ask();
    atomic {
        if
        :: got = s3
        :: goto fails
        fi;
        kept = 0;
        if
        :: INSTANCE(r) == 1 -> goto ended /* killed, with its lease */
        :: skip
        fi
    };
    if
    :: advice == GO ->
        ask();
        if
        :: got == old -> touch(r)
        :: else -> fill(r)
        fi;
        finish(got, (kept -> 1 : 2))
    :: else -> finish(got, 1)
    fi;
    goto serves;
fails:
    skip; /* S3 does not answer */
    release(r);
stale:
    skip;
    finish(0, 1);
    if
    :: old != 0 -> got = old; goto serves
    :: else -> goto ended
    fi;
found:
    skip;
    finish(got, 1);
serves:
    serve(got);
ended:
    skip;
    d_step { floor = 0; old = 0; got = 0; advice = 0; there = 0; kept = 0; asked[r] = 0; taken[r] = 0 } /* so that states that are the same look the same */
}

init {
    atomic {
        if /* what is there at first */
        :: skip
        :: kind = ENTRY; content = 1; fresh = 1
        fi;
        run writer(0);
#ifdef OTHERS
        run other();
#endif
#if WRITES > 1
        run writer(1);
#endif
#if READS != 2
        run reader(2);
#endif
#if READS > 1
        run reader(0);
        run reader(1)
#endif
    }
}
