// Tensors below the operations: shapes and strides, storage, versions, reference counts, free lists.
#include <array>
#include <cstring>
#include <set>

#include "support.h"
#include "tensor/allocator.h"

namespace wg::test {
namespace {

constexpr int64_t kHuge = int64_t(1) << 62;

// --- base/ ---

struct Counted {
    uint32_t refs = 0;
    int* destroyed;
    explicit Counted(int* counter) : destroyed(counter) {}
    static void destroy(Counted* c) noexcept {
        ++*c->destroyed;
        delete c;
    }
};

TEST(Ref, CountsOwners) {
    int destroyed = 0;
    {
        Ref<Counted> a(new Counted(&destroyed));
        EXPECT_EQ(a->refs, 1u);
        Ref<Counted> b = a, c = std::move(a);
        EXPECT_FALSE(a);
        EXPECT_EQ(b->refs, 2u);
        Ref<Counted>& same = b;
        b = same;  // assignment to itself
        EXPECT_EQ(b->refs, 2u);
        b = std::move(same);
        c.reset();
        Counted* raw = b.release();
        EXPECT_EQ(raw->refs, 1u);
        EXPECT_EQ(destroyed, 0);
        b = Ref<Counted>::steal(raw);
        EXPECT_EQ(b->refs, 1u);
        b = Ref<Counted>(new Counted(&destroyed));
        EXPECT_EQ(destroyed, 1);
    }
    EXPECT_EQ(destroyed, 2);
}

TEST(SmallVector, AgreesWithStdVector) {
    std::mt19937 rng(1);
    for (int round = 0; round < 200; ++round) {
        SmallVector<std::string, 3> small;
        std::vector<std::string> model;
        for (int step = 0; step < 40; ++step) {
            const std::string s(rng() % 40, char('a' + rng() % 26));
            const size_t at = model.empty() ? 0 : rng() % model.size();
            switch (rng() % 8) {
            case 0:
            case 1: small.push_back(s), model.push_back(s); break;
            case 2: small.insert(at, s), model.insert(model.begin() + long(at), s); break;
            case 3:
                if (!model.empty()) small.erase(at), model.erase(model.begin() + long(at));
                break;
            case 4: small.resize(at, s), model.resize(at, s); break;
            case 5: small.resize(at + 3, s), model.resize(at + 3, s); break;
            case 6: {
                SmallVector<std::string, 3> copy = small, moved = std::move(small);
                EXPECT_TRUE(small.empty());
                small = copy;
                copy = std::move(moved);
                small = std::move(copy);
                break;
            }
            default:
                if (!model.empty())
                    small.push_back(small[at]), model.push_back(std::string(model[at]));
            }
            ASSERT_TRUE(std::equal(small.begin(), small.end(), model.begin(), model.end()));
        }
    }
}

TEST(FreeList, GivesBackTheSameBlock) {
    for (const size_t size :
         {size_t(1), size_t(64), size_t(65), size_t(1024), size_t(1025), size_t(5000)}) {
        void* p = pool_allocate(size);
        EXPECT_EQ(reinterpret_cast<uintptr_t>(p) % 64, 0u);
        std::memset(p, 0xab, size);
        pool_free(p, size);
        if (kReusesMemory && size <= pool::kLargestBlock) {
            void* again = pool_allocate(size);
            EXPECT_EQ(again, p);
            pool_free(again, size);
        }
    }
    std::set<void*> live;
    for (int i = 0; i < 3000; ++i) EXPECT_TRUE(live.insert(pool_allocate(200)).second);
    for (void* p : live) pool_free(p, 200);
    pool_free(nullptr, 64);
}

// --- shapes ---

TEST(Shape, WrapDim) {
    EXPECT_EQ(wrap_dim(-1, 3), 2);
    EXPECT_EQ(wrap_dim(-1, 0), 0);
    EXPECT_ERROR(wrap_dim(3, 3),
                 "Dimension out of range (expected to be in range of [-3, 2], but got 3)");
    EXPECT_ERROR(wrap_dim(1, 0),
                 "Dimension out of range (expected to be in range of [-1, 0], but got 1)");
}

TEST(Shape, Broadcast) {
    EXPECT_EQ(to_string(broadcast_shapes(Dims{3, 1}, Dims{4})), "[3, 4]");
    EXPECT_EQ(to_string(broadcast_shapes(Dims{}, Dims{2, 0})), "[2, 0]");
    EXPECT_EQ(to_string(broadcast_shapes(Dims{1}, Dims{0})), "[0]");
    EXPECT_ERROR(broadcast_shapes(Dims{2}, Dims{0}),
                 "The size of tensor a (2) must match the size of tensor b (0)");
    EXPECT_TRUE(is_expandable(Dims{1, 3}, Dims{2, 5, 3}));
    EXPECT_FALSE(is_expandable(Dims{1, 3}, Dims{3}));
    EXPECT_FALSE(is_expandable(Dims{2}, Dims{4}));
    EXPECT_EQ(to_string(broadcast_strides(Dims{3, 1}, Dims{1, 1}, Dims{2, 3, 4})), "[0, 1, 0]");
}

TEST(Shape, InferShape) {
    EXPECT_EQ(to_string(infer_shape(Dims{2, -1}, 6)), "[2, 3]");
    EXPECT_EQ(to_string(infer_shape(Dims{-1, 3}, 0)), "[0, 3]");
    EXPECT_ERROR(infer_shape(Dims{-1, -1}, 4), "only one dimension can be inferred");
    EXPECT_ERROR(infer_shape(Dims{4}, 6), "shape '[4]' is invalid for input of size 6");
    EXPECT_ERROR(infer_shape(Dims{-1, 4}, 6), "shape '[-1, 4]' is invalid for input of size 6");
    EXPECT_ERROR(infer_shape(Dims{-1, 0}, 0),
                 "cannot reshape tensor of 0 elements into shape [-1, 0]");
    EXPECT_ERROR(infer_shape(Dims{-2}, 6), "invalid shape dimension -2");
    EXPECT_ERROR(infer_shape(Dims{kHuge, 4, kHuge}, 0), "is invalid for input of size 0");
}

// The position of every element of a geometry, in row-major order.
std::vector<int64_t> positions(IntSpan sizes, IntSpan strides) {
    std::vector<int64_t> all;
    Dims index(sizes.size(), 0);
    do {
        int64_t at = 0;
        for (size_t d = 0; d < sizes.size(); ++d) at += index[d] * strides[d];
        all.push_back(at);
    } while (next_index(index, sizes));
    return all;
}

struct Geometry {
    Dims sizes, strides;
};
Geometry random_geometry(std::mt19937& rng) {
    Geometry g;
    const size_t n = rng() % 5;
    std::vector<size_t> order(n);
    for (size_t d = 0; d < n; ++d) order[d] = d;
    std::shuffle(order.begin(), order.end(), rng);
    g.sizes = g.strides = Dims(n, 1);
    int64_t next = 1 + int64_t(rng() % 5 == 0);
    for (const size_t d : order) {
        g.sizes[d] = std::array<int64_t, 6>{1, 2, 2, 3, 4, 6}[rng() % 6];
        g.strides[d] = rng() % 9 == 0 ? 0 : next;
        next *= g.sizes[d];
        if (rng() % 6 == 0) next += int64_t(rng() % 3);
    }
    if (rng() % 2 && n > 1) {  // mostly in order, else few views exist
        std::vector<std::pair<int64_t, int64_t>> dims;
        for (size_t d = 0; d < n; ++d) dims.emplace_back(g.strides[d], g.sizes[d]);
        std::stable_sort(dims.begin(), dims.end(),
                         [](auto a, auto b) { return a.first > b.first; });
        for (size_t d = 0; d < n; ++d) std::tie(g.strides[d], g.sizes[d]) = dims[d];
    }
    return g;
}
Dims random_shape_of(int64_t numel, std::mt19937& rng) {
    Dims shape;
    while (numel > 1) {
        int64_t f = 1 + int64_t(rng() % uint64_t(numel));
        while (numel % f) --f;
        shape.push_back(f);
        numel /= f;
    }
    while (shape.size() < 6 && rng() % 3 == 0) shape.insert(rng() % (shape.size() + 1), 1);
    return shape;
}

// Whether any strides present these positions, in order, as `shape`: they would have to be the steps
// from the first element along each dim.
bool is_view(const std::vector<int64_t>& at, IntSpan shape) {
    Dims strides(shape.size(), 0);
    int64_t step = 1;
    for (size_t d = shape.size(); d-- > 0;) {
        if (shape[d] > 1) strides[d] = at[size_t(step)] - at[0];
        step *= shape[d];
    }
    return positions(shape, strides) == at;
}

TEST(Shape, ViewStridesFindsTheViewsThatExist) {
    std::mt19937 rng(7);
    int found = 0, refused = 0;
    for (int round = 0; round < 20000; ++round) {
        const Geometry g = random_geometry(rng);
        const Dims shape = random_shape_of(count(g.sizes), rng);
        const auto strides = view_strides(g.sizes, g.strides, shape);
        const auto at = positions(g.sizes, g.strides);
        const std::string what =
            to_string(g.sizes) + " " + to_string(g.strides) + " as " + to_string(shape);
        if (strides) {
            ++found;
            ASSERT_EQ(positions(shape, *strides), at) << what << " gave " << to_string(*strides);
        } else {
            ++refused;
            ASSERT_FALSE(is_view(at, shape)) << what;
        }
    }
    EXPECT_GT(found, 2000);
    EXPECT_GT(refused, 2000);
}

TEST(Shape, ViewStridesOfEmptyTensors) {
    EXPECT_EQ(to_string(*view_strides(Dims{0, 3}, Dims{1, 1}, Dims{0, 3})), "[1, 1]");
    EXPECT_EQ(to_string(*view_strides(Dims{0, 3}, Dims{1, 1}, Dims{5, 0})), "[1, 1]");
    EXPECT_EQ(to_string(*view_strides(Dims{}, Dims{}, Dims{1, 1})), "[1, 1]");
}

TEST(Shape, DenseAndOverlapAgreeWithCounting) {
    std::mt19937 rng(13);
    for (int round = 0; round < 5000; ++round) {
        const Geometry g = random_geometry(rng);
        const auto at = positions(g.sizes, g.strides);
        const std::set<int64_t> distinct(at.begin(), at.end());
        const bool overlaps = distinct.size() < at.size();
        const bool dense = !overlaps && *distinct.rbegin() + 1 == int64_t(at.size());
        const std::string what = to_string(g.sizes) + " " + to_string(g.strides);
        ASSERT_EQ(is_dense(g.sizes, g.strides), dense) << what;
        // The test may err on the side of caution, but not for dense tensors.
        ASSERT_TRUE(may_overlap_itself(g.sizes, g.strides) || !overlaps) << what;
        ASSERT_TRUE(!may_overlap_itself(g.sizes, g.strides) || !dense) << what;

        const Dims like = dense_strides_like(g.sizes, g.strides);
        ASSERT_TRUE(is_dense(g.sizes, like)) << what;
        for (size_t a = 0; a < like.size(); ++a)  // dims stay in the order they had in memory
            for (size_t b = 0; b < like.size(); ++b)
                ASSERT_TRUE(overlaps || g.sizes[a] < 2 || g.sizes[b] < 2 ||
                            g.strides[a] >= g.strides[b] || like[a] < like[b])
                    << what << " gave " << to_string(like);
    }
}

// --- tensors ---

TEST(Tensor, EmptyHasContiguousStrides) {
    const Tensor t = empty(Dims{2, 3, 4}, DType::Float32);
    EXPECT_EQ(to_string(t.strides()), "[12, 4, 1]");
    EXPECT_EQ(t.numel(), 24);
    EXPECT_EQ(t.nbytes(), 96u);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(t.raw()) % 64, 0u);
    EXPECT_EQ(to_string(empty(Dims{0, 3}, DType::Float32).strides()), "[3, 1]");
    EXPECT_EQ(to_string(empty(Dims{3, 0}, DType::Float32).strides()), "[1, 1]");
    EXPECT_EQ(empty(Dims{}, DType::Float32).numel(), 1);
    EXPECT_EQ(empty(Dims{4, 0, 2}, DType::Float32).numel(), 0);
}

TEST(Tensor, ManyDims) {
    Dims sizes(size_t(20), int64_t(1));
    sizes[3] = 2;
    sizes[17] = 5;
    const Tensor t = empty(sizes, DType::Int16);
    EXPECT_EQ(t.dim(), 20);
    EXPECT_EQ(t.numel(), 10);
    EXPECT_EQ(t.size(-3), 5);
    EXPECT_EQ(t.stride(3), 5);
    const Tensor a = alias(t);
    EXPECT_EQ(to_string(a.sizes()), to_string(sizes));
    EXPECT_EQ(to_string(empty_like(t).strides()), to_string(t.strides()));
    const Tensor more = empty(Dims(size_t(64), int64_t(1)), DType::Int16);
    EXPECT_EQ(more.dim(), 64);
    EXPECT_ERROR(empty(Dims(size_t(300), int64_t(1)), DType::Int16),
                 "only tensors with up to 64 dims are supported");
}

TEST(Tensor, SizesThatOverflowAreErrors) {
    const char* storage = "Storage size calculation overflowed with sizes=";
    EXPECT_ERROR(empty(Dims{kHuge, kHuge}, DType::Float32), storage);
    EXPECT_ERROR(empty(Dims{kHuge}, DType::Float64), storage);
    EXPECT_ERROR(empty_strided(Dims{3}, Dims{kHuge}, DType::Float64), storage);
    EXPECT_ERROR(empty_strided(Dims{2}, Dims{-1}, DType::Float64), storage);
    EXPECT_ERROR(empty(Dims{-1}, DType::Float32),
                 "Trying to create tensor with negative dimension -1: [-1]");
    EXPECT_ERROR(expand(ones({1}), {kHuge, kHuge}), "numel: integer multiplication overflow");
    EXPECT_EQ(empty_strided(Dims{0, 2}, Dims{kHuge, kHuge}, DType::Float64).numel(), 0);
    EXPECT_THROW(empty(Dims{int64_t(1) << 50}, DType::UInt8), OutOfMemory);
    EXPECT_EQ(values(ones({2})), (Values{1, 1}));  // and all is well afterwards
}

TEST(Tensor, EmptyLikeKeepsTheOrderOfDims) {
    const auto like = [](const Tensor& t) { return to_string(empty_like(t).strides()); };
    const Tensor t = empty(Dims{2, 3, 4}, DType::Float32);
    EXPECT_EQ(like(permute(t, {2, 0, 1})), "[1, 12, 4]");
    EXPECT_EQ(like(slice(t, 2, 0, {}, 2)), "[6, 2, 1]");
    EXPECT_EQ(like(transpose(slice(t, 2, 0, {}, 2), 0, 2)), "[1, 2, 6]");
    EXPECT_EQ(like(expand(empty(Dims{3, 1}, DType::Float32), {3, 5})), "[5, 1]");
}

TEST(Tensor, AliasesShareMemoryAndVersions) {
    const Tensor t = empty(Dims{4}, DType::Float64);
    const Tensor a = alias(t, Dims{2}, Dims{2}, 1);
    EXPECT_EQ(a.raw(), t.raw() + 8);
    EXPECT_FALSE(a.is_contiguous());
    a.bump_version();
    EXPECT_EQ(t.version(), 1u);
    EXPECT_FALSE(t.owns_memory_alone());
    // A counter of its own, as .data has.
    const Tensor d = alias(t);
    d->own_version = VersionCounter::make();
    d->version = &d->own_version->version;
    d.bump_version();
    EXPECT_EQ(t.version(), 1u);
    EXPECT_EQ(alias(d).version(), 1u);
    alias(d).bump_version();
    EXPECT_EQ(d.version(), 2u);
}

TEST(Storage, KeepsValuesWhenResized) {
    for (const size_t from : {size_t(8), size_t(4000)})
        for (const size_t to : {size_t(8), size_t(16), size_t(4096), size_t(100000)}) {
            const Ref<Storage> s = Storage::allocate(from);
            std::memset(s->data, 7, from);
            s->resize(to);
            EXPECT_EQ(s->nbytes, to);
            for (size_t i = 0; i < std::min(from, to); ++i) ASSERT_EQ(s->data[i], 7);
            std::memset(s->data, 1, to);
            s->resize(from);
            std::memset(s->data, 2, from);
        }
}

TEST(Storage, ForeignMemoryGoesBackToItsOwner) {
    static int released;
    released = 0;
    double memory[3] = {1, 2, 3};
    {
        Ref<Storage> s = Storage::wrap(
            memory, sizeof memory, [](void* owner) { ++*static_cast<int*>(owner); }, &released);
        const Tensor t = from_storage(s, Dims{3}, Dims{1}, 0, DType::Float64);
        s.reset();
        EXPECT_EQ(values(t), (Values{1, 2, 3}));
        EXPECT_FALSE(t.owns_memory_alone());
        EXPECT_ERROR(t->storage->resize(100), "Trying to resize storage that is not resizable");
        EXPECT_EQ(released, 0);
    }
    EXPECT_EQ(released, 1);
}

TEST(Storage, ZeroBytes) {
    const Tensor t = empty(Dims{0}, DType::Float32);
    EXPECT_EQ(t.nbytes(), 0u);
    t->storage->resize(64);
    std::memset(t->storage->data, 0, 64);
}

TEST(Scalars, StoreIntoEveryDtype) {
    for (int d = 0; d < kNumDTypes; ++d) {
        const Tensor t = empty(Dims{}, DType(d));
        Scalar(1).store(t.mutable_raw(), DType(d));
        EXPECT_EQ(t.to_double(), 1) << info(DType(d)).name;
        EXPECT_EQ(t.to_int(), 1) << info(DType(d)).name;
    }
    const Tensor t = empty(Dims{}, DType::Int64);
    Scalar(int64_t(9007199254740993)).store(t.mutable_raw(), DType::Int64);  // not a double
    EXPECT_EQ(t.to_int(), 9007199254740993);
}

TEST(Errors, CarryTheirKind) {
    try {
        wrap_dim(9, 2);
        FAIL();
    } catch (const Error& e) {
        EXPECT_EQ(e.kind(), ErrorKind::Index);
    }
}

}  // namespace
}  // namespace wg::test
