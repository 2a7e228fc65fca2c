/*
 * Makes the disk fail under a program, one call at a time.
 *
 * Loaded with LD_PRELOAD by the torture test, because the store, its database and the standard library all write
 * through libc: so every write of every part is caught, and the product needs no seam for it. What goes past libc
 * (raw system calls, mappings) is not seen; the terminal's data is not written that way.
 *
 * Calls that change files below TORTURE_DIR are counted, and at call TORTURE_AT the fault TORTURE_KIND strikes:
 *
 *   kill-before, kill-after  the process is killed before or after the call
 *   torn                     a write takes its first bytes, then the process is killed
 *   eio, enospc              the call fails once
 *   enospc-long              calls that need room fail for the next TORTURE_MANY calls; the first write still takes
 *                            some bytes, as a disk that fills up does
 *   short                    a write takes its first bytes and says so
 *   fsync-eio                a sync fails once
 *   fsync-lost               a sync fails once, and some or all of what it was to keep is not on the disk; later syncs
 *                            of the file succeed without it, as kernels do it
 *   power-cut                what was not synced is partly or wholly undone, then the process is killed
 *
 * A power cut knows of every 512 bytes what they were when the file was last synced (fsync, fdatasync; never
 * sync_file_range, which promises nothing), and of every name created, renamed or removed whether its folder was
 * synced since. Bytes come back singly, in groups or by age, sizes with or without their bytes; names come back
 * from the newest to a random one, because file systems keep the order of names. Folders made stay: every file
 * system in use makes them last with what is synced inside.
 *
 * TORTURE_COUNT is a file of four 64-bit numbers that outlasts the process: calls, the call at which the fault
 * struck (0: not), pieces undone by a power cut, reserved. TORTURE_HOLD is a folder on the same file system where
 * removed files wait to come back. TORTURE_SEED draws the details.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { UNIT = 512, GROUP = 8 };
enum class { WRITE, SYNC, ROOM, REMOVE }; /* ROOM: makes, renames or resizes a file */
enum verdict { GO, FAIL, SHORT, TORN, KILL_AFTER };

static struct { uint64_t calls, struck, undone, reserved; } *count, nowhere;
static char root[PATH_MAX], hold[PATH_MAX];
static const char *kind = "";
static uint64_t at, many = 1, chance = 1, held;
static int cutting; /* whether undoing may be asked for */
static __thread int syncing = -1; /* the file about to be synced */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ((__typeof__(&name))real(#name))
static void *real(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) abort();
    return found;
}

static uint64_t draw(uint64_t below) {
    chance ^= chance << 13, chance ^= chance >> 7, chance ^= chance << 17;
    return below ? (chance >> 11) % below : 0;
}

__attribute__((constructor)) static void start(void) {
    const char *dir = getenv("TORTURE_DIR"), *counter = getenv("TORTURE_COUNT");
    count = (void *)&nowhere;
    if (!dir || !counter || !realpath(dir, root)) return;
    if (getenv("TORTURE_KIND")) kind = getenv("TORTURE_KIND");
    if (getenv("TORTURE_AT")) at = strtoull(getenv("TORTURE_AT"), 0, 10);
    if (getenv("TORTURE_MANY")) many = strtoull(getenv("TORTURE_MANY"), 0, 10);
    if (getenv("TORTURE_SEED")) chance = strtoull(getenv("TORTURE_SEED"), 0, 10) | 1;
    if (getenv("TORTURE_HOLD")) snprintf(hold, sizeof hold, "%s", getenv("TORTURE_HOLD"));
    cutting = (!strcmp(kind, "power-cut") || !strcmp(kind, "fsync-lost")) && *hold;
    int fd = REAL(open)(counter, O_RDWR);
    void *map = fd < 0 ? MAP_FAILED : mmap(0, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) abort();
    count = map;
    alarm(40); /* who hangs that long is told apart from who was killed */
}

/* ---- which file a call is about ---- */

static int below(const char *path) {
    size_t length = strlen(root);
    return length && !strncmp(path, root, length) && (path[length] == '/' || !path[length]);
}

static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
    return *root && below(path);
}

static int resolve(int dir, const char *name, char *path) {
    if (*name == '/') {
        snprintf(path, PATH_MAX, "%s", name);
    } else {
        char base[PATH_MAX];
        if (dir != AT_FDCWD) path_of(dir, base);
        else if (!getcwd(base, sizeof base)) *base = 0;
        if (snprintf(path, PATH_MAX, "%s/%s", base, name) >= PATH_MAX) *path = 0;
    }
    return *root && below(path);
}

/* ---- what a power cut would undo ---- */

struct unit { unsigned char *old; uint32_t length, order; uint8_t dirty; };
struct file { dev_t dev; ino_t ino; int fd; off_t size; struct unit *units; size_t room; uint32_t order; struct file *next; };
struct name { char *path, *from, *was; struct name *next; }; /* from: renamed; was: what the name stood for before */
static struct file *files;
static struct name *names; /* the newest first */

static struct file *file_of(int fd, int make) {
    struct stat s;
    if (fstat(fd, &s) || !S_ISREG(s.st_mode)) return 0;
    for (struct file *f = files; f; f = f->next)
        if (f->dev == s.st_dev && f->ino == s.st_ino) return f;
    if (!make) return 0;
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    struct file *f = calloc(1, sizeof *f);
    *f = (struct file){ s.st_dev, s.st_ino, REAL(open)(link, O_RDWR | O_CLOEXEC), s.st_size, 0, 0, 0, files };
    return files = f;
}

/* Remembers what stands between two places before it changes. */
static void remember(int fd, off_t from, off_t to) {
    struct file *f = cutting ? file_of(fd, 1) : 0;
    if (!f) return;
    size_t last = (to + UNIT - 1) / UNIT;
    if (last > f->room) {
        f->units = realloc(f->units, last * 2 * sizeof *f->units);
        memset(f->units + f->room, 0, (last * 2 - f->room) * sizeof *f->units);
        f->room = last * 2;
    }
    for (size_t n = from / UNIT; n < last; n++) {
        struct unit *u = &f->units[n];
        if (u->dirty) continue;
        u->dirty = 1, u->order = f->order++, u->old = malloc(UNIT);
        ssize_t got = (off_t)n * UNIT < f->size ? pread(f->fd, u->old, UNIT, (off_t)n * UNIT) : 0;
        u->length = got > 0 ? got : 0;
        memset(u->old + u->length, 0, UNIT - u->length);
    }
}

static void forget(struct file *f) {
    for (struct file **at = &files; *at; at = &(*at)->next)
        if (*at == f) { *at = f->next; break; }
    for (size_t n = 0; n < f->room; n++) free(f->units[n].old);
    REAL(close)(f->fd);
    free(f->units), free(f);
}

/* A hard link that keeps what a name stands for. */
static char *keep(const char *path) {
    char kept[PATH_MAX + 32];
    snprintf(kept, sizeof kept, "%s/%llu", hold, (unsigned long long)held++);
    return link(path, kept) ? 0 : strdup(kept);
}

static void renamed(const char *path, const char *from, char *was) {
    struct name *n = malloc(sizeof *n);
    *n = (struct name){ strdup(path), from ? strdup(from) : 0, was, names };
    names = n;
}

static int inside(const char *path, const char *folder) {
    const char *slash = strrchr(path, '/');
    return slash && strlen(folder) == (size_t)(slash - path) && !strncmp(path, folder, slash - path);
}

static void synced(int fd) {
    struct stat s;
    char folder[PATH_MAX];
    struct file *f = file_of(fd, 0);
    if (f) { forget(f); return; }
    if (fstat(fd, &s) || !S_ISDIR(s.st_mode) || !path_of(fd, folder)) return;
    for (struct name **at = &names; *at;) {
        struct name *n = *at;
        if (!inside(n->path, folder)) { at = &n->next; continue; }
        if (n->was) REAL(unlink)(n->was);
        *at = n->next;
        free(n->path), free(n->from), free(n->was), free(n);
    }
}

/* Takes back what was not synced of a file, or some of it. */
static void revert(struct file *f) {
    struct stat s;
    if (fstat(f->fd, &s)) return;
    int how = draw(5);
    uint32_t until = draw(f->order + 1);
    off_t size = draw(2) ? f->size : s.st_size;
    for (size_t n = 0; n < f->room; n++) {
        struct unit *u = &f->units[n];
        if (n % GROUP == 0 && how == 3) until = draw(2) ? UINT32_MAX : 0;
        u->dirty = u->dirty && !(how == 1 || (how == 2 || how == 3 ? u->order < until : how == 4 && draw(2)));
        off_t end = (off_t)(n + 1) * UNIT < s.st_size ? (off_t)(n + 1) * UNIT : s.st_size;
        if (!u->dirty && u->old && how != 1 && end > size) size = end; /* a byte that is there is inside */
    }
    for (size_t n = 0; n < f->room; n++)
        if (f->units[n].dirty) {
            off_t place = (off_t)n * UNIT, most = s.st_size > f->size ? s.st_size : f->size;
            if (place < most) REAL(pwrite)(f->fd, f->units[n].old, most - place < UNIT ? most - place : UNIT, place);
            count->undone++;
        }
    if (size != s.st_size) count->undone++;
    if (REAL(ftruncate)(f->fd, size)) abort();
}

static void make_folders(const char *path) {
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    for (char *slash = folder + 1; (slash = strchr(slash, '/')); slash++)
        if (*slash = 0, mkdir(folder, 0755) && errno != EEXIST) abort();
        else *slash = '/';
}

static void undo(void) {
    for (struct file *f = files; f; f = f->next) revert(f);
    uint64_t all = 0;
    for (struct name *n = names; n; n = n->next) all++;
    uint64_t gone = draw(3) ? draw(all + 1) : all;
    for (struct name *n = names; n && gone; n = n->next, gone--, count->undone++) {
        if (n->from) REAL(rename)(n->path, n->from);
        else if (!n->was) REAL(unlink)(n->path);
        if (n->was && link(n->was, n->path) && errno == ENOENT) {
            make_folders(n->path); /* they were removed after it */
            if (link(n->was, n->path)) abort();
        }
    }
}

/* ---- the fault ---- */

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static int is(const char *name) { return !strcmp(kind, name); }

/* Holds the turn when it returns, so that a power cut stands between calls. */
static enum verdict next(enum class class, size_t length, int *error) {
    pthread_mutex_lock(&turn);
    uint64_t n = ++count->calls;
    if (!at || n < at) return GO;
    int needs_room = class == WRITE || class == ROOM;
    if (count->struck) {
        if (!is("enospc-long") || n >= count->struck + many || !needs_room) return GO;
        *error = ENOSPC;
        return FAIL;
    }
    enum verdict verdict = GO;
    if (is("kill-before") || is("power-cut")) verdict = FAIL;
    else if (is("kill-after")) verdict = KILL_AFTER;
    else if (is("torn") && class == WRITE) verdict = TORN;
    else if (is("short") && class == WRITE && length > 1) verdict = SHORT;
    else if (is("eio")) verdict = FAIL, *error = EIO;
    else if (is("fsync-eio") && class == SYNC) verdict = FAIL, *error = EIO;
    else if (is("fsync-lost") && syncing >= 0) verdict = FAIL, *error = EIO;
    else if (is("enospc") && needs_room) verdict = FAIL, *error = ENOSPC;
    else if (is("enospc-long") && needs_room) verdict = class == WRITE && length > 1 ? SHORT : FAIL, *error = ENOSPC;
    if (verdict == GO) return GO;
    count->struck = n;
    struct file *f = is("fsync-lost") ? file_of(syncing, 0) : 0;
    if (f) revert(f), forget(f);
    if (is("power-cut")) undo();
    if (is("kill-before") || is("power-cut")) die();
    return verdict;
}

static void done(enum verdict verdict) {
    if (verdict == KILL_AFTER || verdict == TORN) die();
    pthread_mutex_unlock(&turn);
}

/* The body of a call: `about` says whether it is about our files, `doing` does it. */
#define CALL(type, about, class, before, doing, after)                                                                 \
    if (!(about)) return doing;                                                                                        \
    int error = 0;                                                                                                     \
    enum verdict verdict = next(class, 0, &error);                                                                     \
    type result = -1;                                                                                                  \
    if (verdict != FAIL) {                                                                                             \
        if (cutting) { before; }                                                                                       \
        result = doing;                                                                                                \
        error = errno;                                                                                                 \
        if (cutting && result >= 0) { after; }                                                                         \
    }                                                                                                                  \
    done(verdict);                                                                                                     \
    errno = error;                                                                                                     \
    return result

/* ---- the calls ---- */

/* place < 0: where the file stands */
static ssize_t put(int fd, const struct iovec *parts, int number, off_t place) {
    size_t length = 0;
    for (int n = 0; n < number; n++) length += parts[n].iov_len;
    int error = 0;
    enum verdict verdict = next(WRITE, length, &error);
    ssize_t result = -1;
    if (verdict != FAIL) {
        struct stat s;
        size_t taken = verdict == TORN ? draw(length) : verdict == SHORT ? 1 + draw(length - 1) : length;
        off_t from = place >= 0 ? place : fcntl(fd, F_GETFL) & O_APPEND && !fstat(fd, &s) ? s.st_size : lseek(fd, 0, SEEK_CUR);
        remember(fd, from, from + (off_t)taken);
        struct iovec some[number];
        int used = 0;
        for (size_t left = taken; used < number && (left || !used); used++) {
            some[used] = parts[used];
            if (some[used].iov_len > left) some[used].iov_len = left;
            left -= some[used].iov_len;
        }
        result = place >= 0 ? REAL(pwritev)(fd, some, used, place) : REAL(writev)(fd, some, used);
        error = errno;
    }
    done(verdict);
    errno = error;
    return result;
}

static int ours(int fd) {
    char path[PATH_MAX];
    return path_of(fd, path);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    if (!ours(fd)) return REAL(write)(fd, bytes, length);
    return put(fd, &(struct iovec){ (void *)bytes, length }, 1, -1);
}
ssize_t writev(int fd, const struct iovec *parts, int number) {
    return ours(fd) ? put(fd, parts, number, -1) : REAL(writev)(fd, parts, number);
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t place) {
    if (!ours(fd)) return REAL(pwrite)(fd, bytes, length, place);
    return put(fd, &(struct iovec){ (void *)bytes, length }, 1, place);
}
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t place) { return pwrite(fd, bytes, length, place); }
ssize_t pwritev(int fd, const struct iovec *parts, int number, off_t place) {
    return ours(fd) ? put(fd, parts, number, place) : REAL(pwritev)(fd, parts, number, place);
}
ssize_t pwritev64(int fd, const struct iovec *parts, int number, off64_t place) { return pwritev(fd, parts, number, place); }

static int sync_whole(int fd, int (*sync)(int)) {
    syncing = fd;
    CALL(int, ours(fd), SYNC, , sync(fd), synced(fd));
}
static int synced_whole(int fd, const char *name) {
    int result = sync_whole(fd, (int (*)(int))real(name));
    syncing = -1;
    return result;
}
int fsync(int fd) { return synced_whole(fd, "fsync"); }
int fdatasync(int fd) { return synced_whole(fd, "fdatasync"); }
int sync_file_range(int fd, off64_t from, off64_t length, unsigned flags) {
    CALL(int, ours(fd), SYNC, , REAL(sync_file_range)(fd, from, length, flags), );
}

static void resizing(int fd, off_t size) {
    struct stat s;
    if (!fstat(fd, &s)) size < s.st_size ? remember(fd, size, s.st_size) : remember(fd, s.st_size, size);
}
int ftruncate(int fd, off_t size) { CALL(int, ours(fd), ROOM, resizing(fd, size), REAL(ftruncate)(fd, size), ); }
int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }

static int rename_at(int from_dir, const char *from, int to_dir, const char *to, unsigned flags) {
    char old[PATH_MAX], new[PATH_MAX], *was = 0;
    int about = resolve(from_dir, from, old) | resolve(to_dir, to, new);
    CALL(int, about, ROOM, was = keep(new), REAL(renameat2)(from_dir, from, to_dir, to, flags), renamed(new, old, was));
}
int rename(const char *from, const char *to) { return rename_at(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int from_dir, const char *from, int to_dir, const char *to) { return rename_at(from_dir, from, to_dir, to, 0); }
int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags) {
    return rename_at(from_dir, from, to_dir, to, flags);
}

int unlinkat(int dir, const char *name, int flags) {
    char path[PATH_MAX], *was = 0;
    int about = resolve(dir, name, path) && !(flags & AT_REMOVEDIR);
    CALL(int, about, REMOVE, was = keep(path), REAL(unlinkat)(dir, name, flags), if (was) renamed(path, 0, was));
}
int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }

/* The library's own links go by link() and are not counted. */
int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags) {
    char path[PATH_MAX];
    CALL(int, resolve(to_dir, to, path), ROOM, , REAL(linkat)(from_dir, from, to_dir, to, flags), renamed(path, 0, 0));
}

static void emptying(const char *path) {
    int fd = REAL(open)(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    resizing(fd, 0);
    REAL(close)(fd);
}
static int open_at(int dir, const char *name, int flags, mode_t mode) {
    char path[PATH_MAX];
    int about = flags & (O_CREAT | O_TRUNC) && (flags & O_TMPFILE) != O_TMPFILE && resolve(dir, name, path);
    int there = about && !access(path, F_OK);
    if (there && !(flags & O_TRUNC)) about = 0; /* opens what is there */
    CALL(int, about, ROOM, if (there) emptying(path), REAL(openat)(dir, name, flags, mode), if (!there) renamed(path, 0, 0));
}
#define MODE(flags) ({ mode_t mode = 0; if ((flags) & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); } mode; })
int open(const char *name, int flags, ...) { return open_at(AT_FDCWD, name, flags, MODE(flags)); }
int open64(const char *name, int flags, ...) { return open_at(AT_FDCWD, name, flags, MODE(flags)); }
int openat(int dir, const char *name, int flags, ...) { return open_at(dir, name, flags, MODE(flags)); }
int openat64(int dir, const char *name, int flags, ...) { return open_at(dir, name, flags, MODE(flags)); }
