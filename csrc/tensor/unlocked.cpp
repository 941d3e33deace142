#include "tensor/unlocked.h"

#include <pthread.h>

#include "tensor/storage.h"

namespace wg {

// Memory that was given up while loops ran. A loop holds the generation that was the newest when it began, and each
// generation the next: so the memory in one lasts until the last loop ends that may use it.
struct Generation {
    uint32_t refs = 0;
    Ref<Storage> storage;  // undefined in the newest
    Ref<Generation> next;
    // Those behind it go one after the other: many may have been waiting for one loop.
    static void destroy(Generation* g) noexcept {
        while (g) {
            Generation* const next = g->next.release();
            delete g;  // its memory may be foreign, with an owner that runs any code
            g = next && --next->refs == 0 ? next : nullptr;
        }
    }
};

namespace {

Ref<Generation>& newest() {
    static Ref<Generation>& generation = *new Ref<Generation>(new Generation);
    return generation;
}

// In a child process that another thread forked meanwhile none of the loops goes on.
void forget_loops() { newest() = Ref<Generation>(new Generation); }

}  // namespace

void Unlocked::begin() noexcept {
    static const int registered = pthread_atfork(nullptr, nullptr, forget_loops);
    static_cast<void>(registered);
    Ref<Generation> generation = newest();
    generation_ = generation.get();
    released_ = lock_provider.release();
    if (!released_) return;
    keeps_lock = true;
    generation.release();
}

void Unlocked::end() noexcept {
    lock_provider.acquire(released_);
    keeps_lock = false;
    Ref<Generation>::steal(generation_);
}

void keep_for_loops(Ref<Storage> memory) noexcept {
    Ref<Generation>& current = newest();
    if (current->refs == 1) return;  // there is none
    current->storage = std::move(memory);
    current->next = Ref<Generation>(new Generation);
    current = Ref<Generation>(current->next);
}

}  // namespace wg
