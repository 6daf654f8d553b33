/* The protocol of src/customers as a model for Spin: create, replace, delete and the e-mail change, by two workers, with a
 * sweeper and a scrubber beside them. README.md tells what is left out, and what the names of the switches mean.
 *
 * A script is one d_step, because the server runs it as one; everything between two scripts may be interleaved with
 * everything else. Before each message a worker may crash, or leave a copy of the message astray: the copy arrives at any
 * later time, or while the worker waits (which is the repetition of a message whose answer was lost). */

#ifndef CUSTOMERS
#define CUSTOMERS 3 /* 1 has e-mail 1, 2 has none or e-mail 2, the others are not yet created */
#endif
#ifndef REQUESTS
#define REQUESTS 1 /* of the first worker, one after the other; the second has one */
#endif
#ifndef ASTRAY
#define ASTRAY 1 /* copies that go astray, in all */
#endif
#define EMAILS 2
#define ATTEMPTS (REQUESTS + 1)
#define NUMBERS 7 /* the highest claim number that fits */

#define NOBODY 0

/* Replies of the scripts, named as there. */
#define DONE 1
#define REPLAY 2
#define MISSING 3
#define EXISTS 4
#define TAKEN 5
#define EMAIL 6
#define SAME 7
#define BUSY 8 /* and running: both refuse this request, whoever makes the other */
#define BEGUN 9
#define FENCED 10
#define CLAIMED 11
#define STALE 12
#define ABORTED 13
#define GONE 14
#define LIVE 15
#define RELEASED 16
#define PRECONDITION 17

/* Kinds of messages. */
#define CREATE 1
#define REPLACE 2
#define DELETE 3
#define BEGIN 4
#define CLAIM 5
#define COMMIT 6
#define ABORT 7
#define RELEASE 8
#define FORGET 9

#ifdef TWIN
#define OPERATION(attempt) 1 /* both workers run the same request with the same Idempotency-Key */
#else
#define OPERATION(attempt) (attempt)
#endif
#if defined(CLAIM_EXPIRES) || defined(LOCK_EXPIRES) || defined(MARKER_EXPIRES)
#define EXPIRY
#endif

/* ---- the database ---- */

/* One customer's keys in its home bucket: record, index entry, intent, releases. */
typedef customer {
    bit live;
    bit listed;              /* in the index */
    unsigned eh : 2;
    unsigned en : 3;
    unsigned bn : 3;
    unsigned version : 3;    /* counted only under CONDITIONS */
    unsigned pn : 3;         /* the intent: its claim number, 0 for none; its e-mail; its attempt */
    unsigned pe : 2;
    unsigned pa : 3;
    byte released[EMAILS + 1] /* the release set: a bit for each claim number */
}

customer c[CUSTOMERS + 1];
byte claim_id[EMAILS + 1];   /* the claims, each in its e-mail's bucket */
byte claim_n[EMAILS + 1];
byte marker[ATTEMPTS + 1];   /* of an operation: the attempt that did it. An operation is called by its first attempt */

/* ---- what is known beside the database, for the properties ---- */

byte effects[ATTEMPTS + 1];  /* of an operation */
bit did[ATTEMPTS + 1];       /* this attempt took effect */
bit refused[ATTEMPTS + 1];   /* this attempt was answered that nothing was done */
bit doubtful[ATTEMPTS + 1];  /* a copy of its create or replace went astray: its refusal promises nothing (README.md) */
bit orphan[EMAILS + 1];      /* the claim was written after it had lost its backing: a late message */
byte made;                   /* ids given out */
bit over[ATTEMPTS + 1];      /* the worker with this first attempt has ended */
byte ended;                  /* workers that have ended */

bool I1, I2, I3, I5, I6, I7, acknowledged_is_done, refused_is_not_done, rests;

/* The reply of the script that has just run, and the claim that it told. */
byte reply, told_id, told_n;

#define BACKED(e) (c[claim_id[e]].live && ((c[claim_id[e]].eh == e && c[claim_id[e]].en == claim_n[e]) || \
                                           (c[claim_id[e]].pe == e && c[claim_id[e]].pn == claim_n[e])))
#define LISTED(e) ((c[claim_id[e]].released[e] >> claim_n[e]) & 1)
#define SHARED(x, y) (c[x].live && c[y].live && c[x].eh != 0 && c[x].eh == c[y].eh)
#define HELD(x) (!c[x].live || c[x].eh == 0 || (claim_id[c[x].eh] == x && claim_n[c[x].eh] == c[x].en))
#define ACCOUNTED(e) (claim_id[e] == NOBODY || BACKED(e) || LISTED(e) || orphan[e])
#define INDEXED(x) (c[x].live == c[x].listed)
#define OWNED(x) (c[x].pn == 0 || c[x].live)

#if CUSTOMERS == 2
#define EVERY(p) (p(1) && p(2))
#define NO_PAIR(p) (!p(1, 2))
#elif CUSTOMERS == 3
#define EVERY(p) (p(1) && p(2) && p(3))
#define NO_PAIR(p) (!p(1, 2) && !p(1, 3) && !p(2, 3))
#else
#define EVERY(p) (p(1) && p(2) && p(3) && p(4))
#define NO_PAIR(p) (!p(1, 2) && !p(1, 3) && !p(1, 4) && !p(2, 3) && !p(2, 4) && !p(3, 4))
#endif

inline check()
{
    I1 = NO_PAIR(SHARED);
    assert(I1);
    I2 = EVERY(HELD);
    assert(I2);
    I3 = EVERY(INDEXED);
    assert(I3);
    I6 = EVERY(OWNED);
    assert(I6);
    I7 = ACCOUNTED(1) && ACCOUNTED(2);
    assert(I7);
}

/* The one moment at which an attempt of an operation takes effect. */
inline take_effect(attempt, operation)
{
#ifndef NO_MARKER
    marker[operation] = attempt;
#endif
    effects[operation]++;
    did[attempt] = 1;
    I5 = effects[operation] == 1;
    assert(I5);
    refused_is_not_done = !refused[attempt] || doubtful[attempt];
    assert(refused_is_not_done);
}

#ifdef CONDITIONS
#define GROW(x) c[x].version = c[x].version + 1
#define REFUSAL(x, base) (base != 0 && base != c[x].version)
#else
#define GROW(x) skip
#define REFUSAL(x, base) false
#endif

#ifdef MARKER_AFTER_IF_MATCH
#define REFUSED_FIRST(x, base) (c[x].live && REFUSAL(x, base))
#else
#define REFUSED_FIRST(x, base) false
#endif

#ifdef REPLICA
/* What a replica may still tell of each customer: the state before the last write. */
customer replica[CUSTOMERS + 1];
#define REPLICATE(x) replica[x].live = c[x].live; replica[x].eh = c[x].eh; replica[x].pn = c[x].pn; replica[x].pe = c[x].pe
#else
#define REPLICATE(x) skip
#endif

/* ---- the scripts ---- */

#ifdef TAKE_OVER_ANY
#define MAY_TAKE(e, old_id, old_n) (old_id != NOBODY)
#else
#define MAY_TAKE(e, old_id, old_n) (claim_id[e] == old_id && claim_n[e] == old_n)
#endif

/* create.lua */
inline run_create(x, e, old_id, old_n, attempt, operation)
{
    d_step {
        if
        :: marker[operation] != 0 -> reply = (marker[operation] == attempt -> DONE : REPLAY)
        :: else ->
            if
            :: c[x].live || c[x].listed -> reply = EXISTS
            :: else ->
                if
                :: e != 0 && claim_id[e] != NOBODY && !MAY_TAKE(e, old_id, old_n) ->
                    reply = TAKEN;
                    told_id = claim_id[e];
                    told_n = claim_n[e]
                :: else ->
                    REPLICATE(x);
                    if
                    :: e != 0 ->
                        claim_id[e] = x;
                        claim_n[e] = 1;
                        orphan[e] = 0;
                        c[x].eh = e;
                        c[x].en = 1;
                        c[x].bn = 1
                    :: else
                    fi;
                    c[x].live = 1;
                    c[x].listed = 1;
                    GROW(x);
                    take_effect(attempt, operation);
                    reply = DONE;
                    check()
                fi
            fi
        fi
    }
}

/* replace.lua: a body whose e-mail stays as it is, or goes away (e is 0) */
inline run_replace(x, e, base, attempt, operation)
{
    d_step {
        if
        :: REFUSED_FIRST(x, base) -> reply = PRECONDITION
        :: else ->
            if
            :: marker[operation] != 0 -> reply = (marker[operation] == attempt -> DONE : REPLAY)
            :: else ->
                if
                :: !c[x].live -> reply = MISSING
                :: c[x].live && REFUSAL(x, base) -> reply = PRECONDITION
                :: c[x].live && !REFUSAL(x, base) && e != 0 && e != c[x].eh -> reply = EMAIL
                :: else ->
                    REPLICATE(x);
                    if
                    :: e == 0 && c[x].en > 0 ->
#ifndef CLEARED_NOT_LISTED
                        c[x].released[c[x].eh] = c[x].released[c[x].eh] | (1 << c[x].en);
#endif
                        c[x].en = 0;
                        c[x].eh = 0
                    :: else
                    fi;
                    GROW(x);
                    take_effect(attempt, operation);
                    reply = DONE;
                    check()
                fi
            fi
        fi
    }
}

/* delete.lua */
inline run_delete(x, base, attempt, operation)
{
    d_step {
        if
        :: REFUSED_FIRST(x, base) -> reply = PRECONDITION
        :: else ->
            if
            :: marker[operation] != 0 -> reply = (marker[operation] == attempt -> DONE : REPLAY)
            :: else ->
                if
                :: !c[x].live -> reply = MISSING
                :: c[x].live && REFUSAL(x, base) -> reply = PRECONDITION
                :: else ->
                    REPLICATE(x);
                    if
                    :: c[x].en > 0 -> c[x].released[c[x].eh] = c[x].released[c[x].eh] | (1 << c[x].en)
                    :: else
                    fi;
                    if
                    :: c[x].pn > 0 ->
#ifndef DELETE_LEAVES_INTENT
                        c[x].released[c[x].pe] = c[x].released[c[x].pe] | (1 << c[x].pn);
                        c[x].pn = 0;
                        c[x].pe = 0;
                        c[x].pa = 0
#else
                        skip
#endif
                    :: else
                    fi;
                    c[x].live = 0;
                    c[x].listed = 0;
                    c[x].eh = 0;
                    c[x].en = 0;
                    c[x].bn = 0;
                    c[x].version = 0;
                    take_effect(attempt, operation);
                    reply = DONE;
                    check()
                fi
            fi
        fi
    }
}

#ifdef NUMBER_REUSED
#define NEXT_NUMBER(x) (c[x].en + 1)
#else
#define NEXT_NUMBER(x) (c[x].bn + 1)
#endif

/* begin.lua. passed: the deadline of an intent that is there has passed. */
inline run_begin(x, e, base, passed, attempt, operation)
{
    d_step {
        if
        :: REFUSED_FIRST(x, base) -> reply = PRECONDITION
        :: else ->
            if
            :: marker[operation] != 0 -> reply = (marker[operation] == attempt -> DONE : REPLAY)
            :: else ->
                if
                :: !c[x].live -> reply = MISSING
                :: c[x].live && REFUSAL(x, base) -> reply = PRECONDITION
                :: c[x].live && !REFUSAL(x, base) && c[x].eh == e -> reply = SAME
                :: else ->
                    if
                    :: c[x].pn > 0 && c[x].pa == attempt ->
                        reply = BEGUN;
                        told_n = c[x].pn
                    :: c[x].pn > 0 && c[x].pa != attempt && !passed -> reply = BUSY
                    :: else ->
                        REPLICATE(x);
                        if
                        :: c[x].pn > 0 -> c[x].released[c[x].pe] = c[x].released[c[x].pe] | (1 << c[x].pn)
                        :: else
                        fi;
                        assert(NEXT_NUMBER(x) <= NUMBERS);
                        c[x].bn = NEXT_NUMBER(x);
                        c[x].pn = c[x].bn;
                        c[x].pe = e;
                        c[x].pa = attempt;
                        reply = BEGUN;
                        told_n = c[x].pn;
                        check()
                    fi
                fi
            fi
        fi
    }
}

#ifdef OLDER_CLAIM
#define LATER(e, n) false
#else
#define LATER(e, n) (claim_n[e] > n)
#endif

/* claim.lua */
inline run_claim(e, x, n, old_id, old_n)
{
    d_step {
        if
        :: claim_id[e] != NOBODY && !MAY_TAKE(e, old_id, old_n) && claim_id[e] != x ->
            reply = TAKEN;
            told_id = claim_id[e];
            told_n = claim_n[e]
        :: claim_id[e] != NOBODY && !MAY_TAKE(e, old_id, old_n) && claim_id[e] == x && LATER(e, n) -> reply = STALE
        :: else ->
            claim_id[e] = x;
            claim_n[e] = n;
            orphan[e] = !BACKED(e);
            reply = CLAIMED;
            check()
        fi
    }
}

#ifdef COMMIT_UNCHECKED
#define PENDING(x, n) true
#elif defined(LOCK_EXPIRES)
#define PENDING(x, n) (c[x].pn == n || c[x].pn == 0)
#else
#define PENDING(x, n) (c[x].pn == n)
#endif

/* commit.lua */
inline run_commit(x, e, n, base, attempt, operation)
{
    d_step {
        if
        :: REFUSED_FIRST(x, base) -> reply = PRECONDITION
        :: else ->
            if
            :: marker[operation] != 0 -> reply = (marker[operation] == attempt -> DONE : REPLAY)
            :: else ->
                if
                :: !c[x].live -> reply = MISSING
                :: c[x].live && !PENDING(x, n) -> reply = FENCED
                :: c[x].live && PENDING(x, n) && REFUSAL(x, base) -> reply = PRECONDITION
                :: else ->
                    REPLICATE(x);
                    if
                    :: c[x].en > 0 ->
#ifndef COMMIT_NOT_LISTED
                        c[x].released[c[x].eh] = c[x].released[c[x].eh] | (1 << c[x].en)
#else
                        skip
#endif
                    :: else
                    fi;
                    c[x].en = n;
                    c[x].eh = e;
                    c[x].pn = 0;
                    c[x].pe = 0;
                    c[x].pa = 0;
                    GROW(x);
                    take_effect(attempt, operation);
                    reply = DONE;
                    check()
                fi
            fi
        fi
    }
}

/* abort.lua. passed: it is the intent's own request, or the deadline has passed. */
inline run_abort(x, n, passed)
{
    d_step {
        if
        :: n == 0 || c[x].pn != n -> reply = GONE
        :: n != 0 && c[x].pn == n && !passed -> reply = LIVE
        :: else ->
            REPLICATE(x);
#ifndef ABORT_NOT_LISTED
            c[x].released[c[x].pe] = c[x].released[c[x].pe] | (1 << n);
#endif
            c[x].pn = 0;
            c[x].pe = 0;
            c[x].pa = 0;
            reply = ABORTED;
            check()
        fi
    }
}

#ifdef RELEASE_BY_OWNER
#define IS_CLAIM(e, x, n) (claim_id[e] == x)
#else
#define IS_CLAIM(e, x, n) (claim_id[e] == x && claim_n[e] == n)
#endif

/* release.lua */
inline run_release(e, x, n)
{
    d_step {
        if
        :: !IS_CLAIM(e, x, n) -> reply = GONE
        :: else ->
            claim_id[e] = NOBODY;
            claim_n[e] = 0;
            orphan[e] = 0;
            reply = RELEASED;
            check()
        fi
    }
}

/* The SREM of store_release (store.c) */
inline run_forget(e, x, n)
{
    d_step {
        c[x].released[e] = c[x].released[e] & (255 - (1 << n));
        check()
    }
}

/* ---- messages that went astray ---- */

typedef message {
    byte kind, who, email, number, stale_id, stale_n, made_from, by, under
}

#if ASTRAY > 0
message astray[ASTRAY];
#endif
byte sent;

#if ASTRAY > 0
inline lose(k, x_, e_, n_, old_id_, old_n_, base_, attempt_, operation_)
{
    d_step {
        astray[sent].kind = k;
        astray[sent].who = x_;
        astray[sent].email = e_;
        astray[sent].number = n_;
        astray[sent].stale_id = old_id_;
        astray[sent].stale_n = old_n_;
        astray[sent].made_from = base_;
        astray[sent].by = attempt_;
        astray[sent].under = operation_;
#ifndef NO_DOUBT
        if
        :: k == CREATE || k == REPLACE -> doubtful[attempt_] = 1
        :: else
        fi;
#endif
        sent++
    }
}
#endif

/* No message of the worker whose first attempt this is */
#define IS_BY(i, owner) (astray[i].by != 0 && (astray[i].by > REQUESTS) == (owner > REQUESTS))
#if ASTRAY == 0
#define NONE_ASTRAY(owner) true
#elif ASTRAY == 1
#define NONE_ASTRAY(owner) (!IS_BY(0, owner))
#else
#define NONE_ASTRAY(owner) (!IS_BY(0, owner) && !IS_BY(1, owner))
#endif

#if ASTRAY > 0
inline drop(i)
{
    astray[i].kind = 0;
    astray[i].who = 0;
    astray[i].email = 0;
    astray[i].number = 0;
    astray[i].stale_id = 0;
    astray[i].stale_n = 0;
    astray[i].made_from = 0;
    astray[i].by = 0;
    astray[i].under = 0
}
#endif

/* The choice, before any message, to leave a copy of it astray. */
#if ASTRAY > 0 && !defined(HEALER_ASTRAY)
#define LOSE(kind, who, email, number, stale_id, stale_n) \
    :: sent < ASTRAY -> lose(kind, who, email, number, stale_id, stale_n, base, attempt, operation)
#else
#define LOSE(kind, who, email, number, stale_id, stale_n)
#endif
#if ASTRAY > 0 && defined(HEALER_ASTRAY)
#define LOSE_HEALING(kind, who, email, number, stale_id, stale_n) \
    :: sent < ASTRAY -> lose(kind, who, email, number, stale_id, stale_n, 0, 0, 0)
#else
#define LOSE_HEALING(kind, who, email, number, stale_id, stale_n)
#endif

/* A condition refuses a commit: which, is modelled only under CONDITIONS. Versions only grow, so that its copies, which
 * ask for the same one, are refused too: they may as well be gone. */
inline refuse_for_ever(attempt_)
{
    d_step {
#if ASTRAY > 0
        if
        :: astray[0].kind == COMMIT && astray[0].by == attempt_ -> drop(0)
        :: else
        fi;
#endif
#if ASTRAY > 1
        if
        :: astray[1].kind == COMMIT && astray[1].by == attempt_ -> drop(1)
        :: else
        fi;
#endif
        skip
    }
}

inline forget_reply()
{
    reply = 0;
    told_id = 0;
    told_n = 0
}

/* What nobody can ask for any more is forgotten, so that states which differ only in it are one. */
#define WIPE(attempt, owner) \
    if \
    :: over[owner] && NONE_ASTRAY(owner) -> \
        marker[attempt] = 0; effects[attempt] = 0; did[attempt] = 0; refused[attempt] = 0; doubtful[attempt] = 0 \
    :: else \
    fi

inline forget_ended()
{
#ifndef TWIN
    WIPE(1, 1);
#if REQUESTS > 1
    WIPE(2, 1);
#endif
    WIPE(REQUESTS + 1, REQUESTS + 1)
#else
    skip
#endif
}

#if ASTRAY > 0
inline take(i)
{
    d_step {
        kind = astray[i].kind;
        x = astray[i].who;
        e = astray[i].email;
        n = astray[i].number;
        old_id = astray[i].stale_id;
        old_n = astray[i].stale_n;
        base = astray[i].made_from;
        attempt = astray[i].by;
        operation = astray[i].under;
        drop(i)
    }
}

/* Delivers what went astray. Nobody waits for the answer any more. */
active proctype network()
{
    byte kind, x, e, n, old_id, old_n, base, attempt, operation;
    bit passed;

end:
    do
    :: atomic {
        if
        :: astray[0].kind != 0 -> take(0)
#if ASTRAY > 1
        :: astray[1].kind != 0 -> take(1)
#endif
        fi;
        if
        :: kind == CREATE -> run_create(x, e, old_id, old_n, attempt, operation)
        :: kind == REPLACE -> run_replace(x, e, base, attempt, operation)
        :: kind == DELETE -> run_delete(x, base, attempt, operation)
        :: kind == BEGIN ->
            if
            :: skip
            :: passed = 1
            fi;
            run_begin(x, e, base, passed, attempt, operation);
            passed = 0
        :: kind == CLAIM -> run_claim(e, x, n, old_id, old_n)
        :: kind == COMMIT -> run_commit(x, e, n, base, attempt, operation)
        :: kind == ABORT -> run_abort(x, n, true)
        :: kind == RELEASE -> run_release(e, x, n)
        :: kind == FORGET -> run_forget(e, x, n)
        fi;
        d_step {
            kind = 0; x = 0; e = 0; n = 0; old_id = 0; old_n = 0; base = 0; attempt = 0; operation = 0;
            forget_reply();
            forget_ended()
        }
    }
    od
}
#endif

/* ---- a worker: one request after the other ---- */

/* Where a worker, or the healer, is: the step that it does next. */
#define AT_START 0
#define AT_CREATE 1
#define AT_REPLACE 2
#define AT_DELETE 3
#define AT_BEGIN 4
#define AT_CLAIM 5
#define AT_COMMIT 6
#define AT_ABORT 7
#define AT_RESOLVE 8
#define AT_FENCE 9
#define AT_SECOND_READ 10
#define AT_RELEASE 11
#define AT_FORGET 12
#define AT_DROP 13
#define AT_IS_LISTED 14
#define AT_REMOVE 15
#define AT_LOOK 16
#define AT_INSPECT 17
#define AT_REPAIR 18
#define AT_END 19

/* Any request: of a customer that may not be there yet, or no longer. */
inline choose(what_, x_, e_)
{
    if
    :: what_ = CREATE
    :: what_ = REPLACE
    :: what_ = DELETE
    fi;
    if
    :: what_ != CREATE -> x_ = 1
    :: what_ != CREATE -> x_ = 2
#if CUSTOMERS > 2
    :: what_ != CREATE -> x_ = 3
#endif
    :: what_ == CREATE -> x_ = 0
    fi;
    if
    :: what_ != DELETE -> e_ = 1
    :: what_ != DELETE -> e_ = 2
    :: e_ = 0
    fi
}

/* The request has ended: its locals are of no more use. */
inline clear()
{
    d_step {
        at = AT_START;
        n = 0;
        old_id = 0;
        old_n = 0;
        other_id = 0;
        other_n = 0;
        base = 0;
        replays = 0;
        again = 0;
        if
        :: served == requests -> over[first] = 1; what = 0; x = 0; e = 0; operation = 0; attempt = 0; undecided = 0
        :: else
        fi;
        forget_reply();
        forget_ended()
    }
}

inline answer_done()
{
    acknowledged_is_done = effects[operation] == 1;
    assert(acknowledged_is_done);
    undecided = 0;
    clear()
}

inline answer_refused()
{
    refused_is_not_done = !did[attempt] || doubtful[attempt];
    assert(refused_is_not_done);
    refused[attempt] = 1;
    undecided = 0;
    clear()
}

inline crash() /* of the service, or of the connection to the client: nothing is answered */
{
    undecided = 1;
    clear()
}

/* write_resolve in write.c has found that nothing stands behind the claim */
inline take_over()
{
    old_id = other_id;
    old_n = other_n;
    other_id = 0;
    other_n = 0;
    forget_reply();
    at = (what == CREATE -> AT_CREATE : AT_CLAIM)
}

/* or that the e-mail is taken, or reserved by a change that is under way */
inline give_up()
{
    other_id = 0;
    other_n = 0;
    old_id = 0;
    old_n = 0;
    forget_reply();
    if
    :: what == CREATE -> answer_refused()
    :: what != CREATE -> at = AT_ABORT
    fi
}

#define HOLDS(i, e) (c[i].live && c[i].eh == e)
#define WAITS_FOR(i, n, e) (c[i].pn == n && c[i].pe == e)

/* create.c, replace.c (apply, customers_delete), email_change.c, write.c (write_resolve), store.c (store_resolve_claim) */
proctype worker(byte first; byte requests; byte what; byte x; byte e)
{
    byte at, n, old_id, old_n, other_id, other_n, base, attempt, operation, served;
    bit replays, undecided, again, passed;

    do
    :: atomic {
        at == AT_START && served < requests ->
        attempt = first + served;
        if
        :: undecided -> skip /* the same request with the same Idempotency-Key */
        :: served == 0 -> operation = OPERATION(attempt)
#if REQUESTS > 1
        :: served > 0 -> operation = attempt; choose(what, x, e)
#endif
        fi;
        served++;
#ifdef CONDITIONS
        base = c[x].version;
#endif
        if
        :: what == CREATE && made < CUSTOMERS -> made++; x = made; at = AT_CREATE
#ifdef ID_REUSED
        :: what == CREATE -> x = 1; at = AT_CREATE
#endif
        :: what == CREATE && made >= CUSTOMERS -> clear()
        :: what != CREATE && (x <= 2 || c[x].live) -> at = (what == REPLACE -> AT_REPLACE : AT_DELETE)
        :: what != CREATE && x > 2 -> clear() /* nobody knows an id before its customer is there */
        fi
    }
    :: atomic {
        at == AT_CREATE ->
        if
        LOSE(CREATE, x, e, n, old_id, old_n)
        :: crash()
        :: run_create(x, e, old_id, old_n, attempt, operation);
            if
            :: reply == DONE || reply == REPLAY -> answer_done()
            :: reply == EXISTS -> answer_refused()
            :: reply == TAKEN -> other_id = told_id; other_n = told_n; forget_reply(); at = AT_RESOLVE
            fi
        fi
    }
    :: atomic {
        at == AT_DELETE ->
        if
        LOSE(DELETE, x, e, n, old_id, old_n)
        :: crash()
        :: run_delete(x, base, attempt, operation);
            if
            :: reply == DONE || reply == REPLAY -> answer_done()
            :: reply == MISSING || reply == PRECONDITION -> answer_refused()
            fi
        fi
    }
    :: atomic {
        at == AT_REPLACE ->
        if
        LOSE(REPLACE, x, e, n, old_id, old_n)
        :: crash()
        :: run_replace(x, e, base, attempt, operation);
            if
            :: reply == DONE || reply == REPLAY -> answer_done()
            :: reply == MISSING || reply == PRECONDITION -> answer_refused()
            :: reply == EMAIL -> forget_reply(); at = AT_BEGIN
            fi
        fi
    }
    :: atomic {
        at == AT_BEGIN ->
        if
        LOSE(BEGIN, x, e, n, old_id, old_n)
        :: crash()
        :: if
            :: passed = 1
            :: c[x].pn != 0 -> skip
            fi;
            run_begin(x, e, base, passed, attempt, operation);
            passed = 0;
            if
            :: reply == DONE || reply == REPLAY -> answer_done()
            :: reply == SAME -> forget_reply(); at = AT_REPLACE
            :: reply == MISSING || reply == BUSY || reply == PRECONDITION -> answer_refused()
            :: reply == BEGUN -> n = told_n; forget_reply(); at = AT_CLAIM
            fi
        fi
    }
    :: atomic {
        at == AT_CLAIM ->
        if
        LOSE(CLAIM, x, e, n, old_id, old_n)
        :: crash()
        :: run_claim(e, x, n, old_id, old_n);
            if
            :: reply == STALE -> forget_reply(); at = AT_ABORT
            :: reply == TAKEN -> other_id = told_id; other_n = told_n; forget_reply(); at = AT_RESOLVE
            :: reply == CLAIMED ->
                old_id = 0;
                old_n = 0;
                forget_reply();
                at = AT_COMMIT;
#ifdef EARLY_ANSWER
                acknowledged_is_done = effects[operation] == 1;
                assert(acknowledged_is_done)
#endif
            fi
        fi
    }
    :: atomic {
        at == AT_COMMIT ->
        if
        LOSE(COMMIT, x, e, n, old_id, old_n)
        :: crash()
#ifndef CONDITIONS
        :: marker[operation] == 0 && c[x].live && PENDING(x, n) -> refuse_for_ever(attempt); at = AT_ABORT
#endif
        :: run_commit(x, e, n, base, attempt, operation);
            if
            :: reply == DONE -> answer_done()
            :: reply == REPLAY -> replays = 1; forget_reply(); at = AT_ABORT
            :: reply == MISSING || reply == FENCED || reply == PRECONDITION -> forget_reply(); at = AT_ABORT
            fi
        fi
    }
    :: atomic { /* roll_back in email_change.c */
        at == AT_ABORT ->
        if
        LOSE(ABORT, x, e, n, 0, 0)
        :: crash()
        :: run_abort(x, n, true);
            forget_reply();
            if
            :: replays -> answer_done()
            :: !replays -> answer_refused()
#ifdef REDO
            :: !replays && !again -> again = 1; n = 0; at = AT_REPLACE /* CHANGE_CONFLICT: made again */
#endif
            fi
        fi
    }
    :: atomic { /* inspect.lua */
        at == AT_RESOLVE ->
        if
        :: crash()
        :: HOLDS(other_id, e) -> give_up()
#ifdef TWO_READS
        :: !HOLDS(other_id, e) -> at = AT_SECOND_READ
#else
        :: !HOLDS(other_id, e) && WAITS_FOR(other_id, other_n, e) -> at = AT_FENCE
        :: !HOLDS(other_id, e) && !WAITS_FOR(other_id, other_n, e) -> take_over()
#endif
#ifdef REPLICA
        :: !(replica[other_id].live && replica[other_id].eh == e) &&
           !(replica[other_id].pn == other_n && replica[other_id].pe == e) -> take_over()
#endif
        fi
    }
#ifdef TWO_READS
    :: atomic {
        at == AT_SECOND_READ ->
        if
        :: WAITS_FOR(other_id, other_n, e) -> at = AT_FENCE
        :: !WAITS_FOR(other_id, other_n, e) -> take_over()
        fi
    }
#endif
    :: atomic {
        at == AT_FENCE ->
        if
        LOSE(ABORT, other_id, e, other_n, 0, 0)
        :: crash()
        :: c[other_id].pn == other_n -> give_up() /* live: its deadline has not passed */
        :: run_abort(other_id, other_n, true);
            if
            :: reply == ABORTED -> take_over()
            :: reply == GONE -> give_up()
            fi
        fi
    }
    :: atomic { at == AT_START && served == requests -> requests = 0; served = 0; first = 0; at = AT_END; ended++; break }
    od
}

/* ---- the healer ---- */

#define PICK_INTENT(i) :: c[i].pn != 0 -> x = i
#define PICK_RELEASE(i, j) :: c[i].released[j] != 0 -> x = i; e = j
#ifdef PROGRESS /* a look at what the sweeper is about to heal changes nothing, any number of times */
#define WORTH(j) (UNOWNED(j) && !LISTED(j) && !WAITS_FOR(claim_id[j], claim_n[j], j))
#else
#define WORTH(j) UNOWNED(j)
#endif
#define PICK_ORPHAN(j) \
    :: atomic { at == AT_START && WORTH(j) -> x = claim_id[j]; e = j; n = claim_n[j]; at = AT_DROP }
#define PICK_RECORD(i) \
    :: atomic { at == AT_START && looks < LOOKS && c[i].live && c[i].eh != 0 -> \
                looks++; x = i; e = c[i].eh; n = c[i].en; at = AT_LOOK }
#define HAS_WORK(i) (c[i].pn != 0 || c[i].released[1] != 0 || c[i].released[2] != 0)
#define IDLE(i) (!HAS_WORK(i))
#define NO_INTENT(i) (c[i].pn == 0)
#define NO_RELEASE(i) (c[i].released[1] == 0 && c[i].released[2] == 0)
#define UNOWNED(j) (claim_id[j] != NOBODY && !HOLDS(claim_id[j], j))

#ifndef LOOKS
#define LOOKS 0 /* at a record and then at its claim: the part of the scrubber that has nothing to end it */
#endif

#ifdef HEALER_STOPS
#define MAY_STOP :: rest()
#else
#define MAY_STOP
#endif

inline rest()
{
    d_step {
        at = AT_START;
        x = 0;
        e = 0;
        n = 0;
        other_id = 0;
        other_n = 0;
        forget_reply()
    }
}

/* Any of the numbers in the set; the order is as in a random sample. */
inline one_of(number, set)
{
    number = 1;
    do
    :: (set & (1 << number)) != 0 -> break
    :: (set >> (number + 1)) != 0 -> number++
    od
}

/* sweep.c, scrub.c, scrub_repair.c, store.c (store_release) */
active proctype healer()
{
    byte at, x, e, n, other_id, other_n, looks;

end:
    do
    :: atomic { /* COARSE_HEALER looks and acts at once; README.md tells why this is the same, and when */
        at == AT_START && !EVERY(NO_INTENT) ->
        if
        PICK_INTENT(1)
        PICK_INTENT(2)
#if CUSTOMERS > 2
        PICK_INTENT(3)
#endif
#if CUSTOMERS > 3
        PICK_INTENT(4)
#endif
        fi;
        n = c[x].pn;
#ifdef COARSE_HEALER
        run_abort(x, n, true);
        rest()
#else
        at = AT_FENCE
#endif
    }
    :: atomic {
        at == AT_START && !EVERY(NO_RELEASE) ->
        if
        PICK_RELEASE(1, 1)
        PICK_RELEASE(1, 2)
        PICK_RELEASE(2, 1)
        PICK_RELEASE(2, 2)
#if CUSTOMERS > 2
        PICK_RELEASE(3, 1)
        PICK_RELEASE(3, 2)
#endif
#if CUSTOMERS > 3
        PICK_RELEASE(4, 1)
        PICK_RELEASE(4, 2)
#endif
        fi;
        one_of(n, c[x].released[e]);
#ifdef COARSE_HEALER
        run_release(e, x, n);
        run_forget(e, x, n);
        rest()
#else
        at = AT_RELEASE
#endif
    }
#ifndef NO_SCRUBBER
    PICK_ORPHAN(1)
    PICK_ORPHAN(2)
#endif
#if LOOKS > 0
    PICK_RECORD(1)
    PICK_RECORD(2)
#if CUSTOMERS > 2
    PICK_RECORD(3)
#endif
#endif
    :: atomic { /* sweep_intents: store_abort. That the deadline has not passed changes nothing. */
        at == AT_FENCE ->
        if
        LOSE_HEALING(ABORT, x, e, n, 0, 0)
        MAY_STOP
        :: run_abort(x, n, true); rest()
        fi
    }
    :: atomic { /* store_release: a claim is forgotten after it went */
        at == AT_RELEASE ->
#ifdef FORGOTTEN_FIRST
        run_forget(e, x, n);
        at = AT_REMOVE
#else
        if
        LOSE_HEALING(RELEASE, x, e, n, 0, 0)
        MAY_STOP
        :: run_release(e, x, n); forget_reply(); at = AT_FORGET
        fi
#endif
    }
    :: atomic {
        at == AT_FORGET ->
        if
        LOSE_HEALING(FORGET, x, e, n, 0, 0)
        MAY_STOP
        :: run_forget(e, x, n); rest()
        fi
    }
    :: atomic { /* scrub_drop_claim: store_resolve_claim, with inspect.lua */
        at == AT_DROP ->
        if
        :: HOLDS(x, e) -> rest()
        :: !HOLDS(x, e) && WAITS_FOR(x, n, e) -> at = AT_FENCE
        :: !HOLDS(x, e) && !WAITS_FOR(x, n, e) -> at = AT_IS_LISTED
        fi
    }
    :: atomic { /* is_listed */
        at == AT_IS_LISTED ->
        if
        :: (c[x].released[e] >> n) & 1 -> rest()
        :: else -> at = AT_REMOVE
        fi
    }
    :: atomic {
        at == AT_REMOVE ->
        if
        LOSE_HEALING(RELEASE, x, e, n, 0, 0)
        MAY_STOP
        :: run_release(e, x, n); rest()
        fi
    }
#if LOOKS > 0
    :: atomic { /* check_claims: the claim of a record that was read before */
        at == AT_LOOK ->
        if
        :: claim_id[e] == x && claim_n[e] == n -> rest()
        :: else -> other_id = claim_id[e]; other_n = claim_n[e]; at = AT_INSPECT
        fi
    }
    :: atomic { /* repair_claim: inspect.lua */
        at == AT_INSPECT ->
        if
        :: !HOLDS(x, e) -> rest()
        :: HOLDS(x, e) -> n = c[x].en; at = (other_id == NOBODY || other_id == x -> AT_REPAIR : AT_RESOLVE)
        fi
    }
    :: atomic { /* store_resolve_claim: inspect.lua, and abort.lua for a change under way */
        at == AT_RESOLVE ->
        if
        :: HOLDS(other_id, e) -> rest()
        :: !HOLDS(other_id, e) && WAITS_FOR(other_id, other_n, e) -> at = AT_SECOND_READ
        :: !HOLDS(other_id, e) && !WAITS_FOR(other_id, other_n, e) -> at = AT_REPAIR
        fi
    }
    :: atomic {
        at == AT_SECOND_READ ->
        run_abort(other_id, other_n, true);
        if
        :: reply == ABORTED -> forget_reply(); at = AT_REPAIR
        :: reply == GONE -> rest()
        fi
    }
    :: atomic { /* set_claim */
        at == AT_REPAIR ->
        if
        LOSE_HEALING(CLAIM, x, e, n, other_id, other_n)
        MAY_STOP
        :: run_claim(e, x, n, other_id, other_n); rest()
        fi
    }
#endif
    od
}

#ifdef EXPIRY
/* What some mutants lose by itself, at any time. */
active proctype expiry()
{
end:
    do
#ifdef CLAIM_EXPIRES /* a reservation: the claim of a change that is under way */
    :: atomic { UNOWNED(1) && WAITS_FOR(claim_id[1], claim_n[1], 1) -> run_release(1, claim_id[1], claim_n[1]); forget_reply() }
    :: atomic { UNOWNED(2) && WAITS_FOR(claim_id[2], claim_n[2], 2) -> run_release(2, claim_id[2], claim_n[2]); forget_reply() }
#endif
#ifdef LOCK_EXPIRES /* the intent, which commit then takes for a lock that it still holds */
    :: d_step { c[1].pn != 0 -> c[1].released[c[1].pe] = c[1].released[c[1].pe] | (1 << c[1].pn);
                c[1].pn = 0; c[1].pe = 0; c[1].pa = 0 }
    :: d_step { c[2].pn != 0 -> c[2].released[c[2].pe] = c[2].released[c[2].pe] | (1 << c[2].pn);
                c[2].pn = 0; c[2].pe = 0; c[2].pa = 0 }
#endif
#ifdef MARKER_EXPIRES /* while a message of its request is still on its way */
    :: d_step { marker[1] != 0 -> marker[1] = 0 }
    :: d_step { marker[2] != 0 -> marker[2] = 0 }
#endif
    od
}
#endif

/* When nothing can move any more, nothing is left to heal, and nothing was left behind. */
#define FREE_OR_HELD(j) (claim_id[j] == NOBODY || (HOLDS(claim_id[j], j) && c[claim_id[j]].en == claim_n[j]))

init {
    byte what_1, x_1, e_1, what_2, x_2, e_2;
    atomic {
        made = 2;
        c[1].live = 1; c[1].listed = 1; c[1].eh = 1; c[1].en = 1; c[1].bn = 1; GROW(1);
        claim_id[1] = 1; claim_n[1] = 1;
        c[2].live = 1; c[2].listed = 1; GROW(2);
        if
        :: skip
        :: c[2].eh = 2; c[2].en = 1; c[2].bn = 1; claim_id[2] = 2; claim_n[2] = 1
        fi;
        choose(what_1, x_1, e_1);
#ifdef FIRST
        if
        :: what_1 == FIRST
        :: else -> goto stop
        fi;
#endif
#ifdef TWIN
        what_2 = what_1; x_2 = x_1; e_2 = e_1;
#else
        choose(what_2, x_2, e_2);
#endif
#if REQUESTS == 1
        if /* the two are alike, so that either order is the same */
        :: 9 * what_1 + 3 * x_1 + e_1 <= 9 * what_2 + 3 * x_2 + e_2
        :: else -> goto stop
        fi;
#endif
        run worker(1, REQUESTS, what_1, x_1, e_1);
        run worker(1 + REQUESTS, 1, what_2, x_2, e_2);
        what_1 = 0; x_1 = 0; e_1 = 0; what_2 = 0; x_2 = 0; e_2 = 0
    }
    timeout;
    rests = ended == 2 && EVERY(IDLE) && FREE_OR_HELD(1) && FREE_OR_HELD(2);
    assert(rests);
stop:
    skip
}
