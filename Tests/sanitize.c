// Linked into every program of a sanitizer's build; see Tests/sanitize.
//
// The options stand in the programs, since git runs annexd as a hook with a clean environment.
//
// ThreadSanitizer is told of the mutexes of Swift's Synchronization module. A Mutex that nobody else wants is taken and given
// back by atomic operations in our own code, which are instrumented. Under contention the standard library calls the kernel
// (FUTEX_LOCK_PI), and it is not instrumented: every value that a Mutex protects would then seem to be raced for. The two
// functions stand before the library's and say what they do. Nothing is hidden by that: what no Mutex protects is still
// reported.
//
// It is also told of continuations that are resumed before they are awaited. The concurrency library then goes on at once,
// on a path that says nothing to ThreadSanitizer, unlike the one for a task that slept: what was handed over would seem to be
// raced for. (Twenty lines that resume a continuation from another thread, 20 ms before it is awaited, are enough to see it.)

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

const char *__tsan_default_options(void);
const char *__tsan_default_options(void) { return OPTIONS; }
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return OPTIONS; }

#ifdef THREAD
#define SWIFT __attribute__((swiftcall))
#define ASYNC __attribute__((swiftasynccall))
#define SELF __attribute__((swift_context)) void *self
#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

// Missing in programs that the sanitizer is not part of.
extern void __tsan_acquire(void *) __attribute__((weak));
extern void __tsan_release(void *) __attribute__((weak));

SWIFT void lock_slow(uint32_t thread, SELF) __asm__(LOCK);
SWIFT void unlock_slow(SELF) __asm__(UNLOCK);

SWIFT void lock_slow(uint32_t thread, SELF) {
    SWIFT void (*original)(uint32_t, SELF) = dlsym(RTLD_NEXT, LOCK);
    original(thread, self);
    if (__tsan_acquire) __tsan_acquire(self);
}

SWIFT void unlock_slow(SELF) {
    SWIFT void (*original)(SELF) = dlsym(RTLD_NEXT, UNLOCK);
    if (__tsan_release) __tsan_release(self);
    original(self);
}

SWIFT void *swift_task_getCurrent(void) __attribute__((weak));
SWIFT void swift_continuation_resume(void *task);
SWIFT void swift_continuation_throwingResume(void *task);
SWIFT void swift_continuation_throwingResumeWithError(void *task, void *error);
ASYNC void swift_continuation_await(void *context);

SWIFT void swift_continuation_resume(void *task) {
    SWIFT void (*original)(void *) = dlsym(RTLD_NEXT, "swift_continuation_resume");
    if (__tsan_release) __tsan_release(task);
    original(task);
}

SWIFT void swift_continuation_throwingResume(void *task) {
    SWIFT void (*original)(void *) = dlsym(RTLD_NEXT, "swift_continuation_throwingResume");
    if (__tsan_release) __tsan_release(task);
    original(task);
}

SWIFT void swift_continuation_throwingResumeWithError(void *task, void *error) {
    SWIFT void (*original)(void *, void *) = dlsym(RTLD_NEXT, "swift_continuation_throwingResumeWithError");
    if (__tsan_release) __tsan_release(task);
    original(task, error);
}

ASYNC void swift_continuation_await(void *context) {
    ASYNC void (*original)(void *) = dlsym(RTLD_NEXT, "swift_continuation_await");
    if (__tsan_acquire) __tsan_acquire(swift_task_getCurrent());
    __attribute__((musttail)) return original(context);
}
#endif
