// One LSTM layer over a minibatch, forward and backward, on AVX-512 and AMX: what Python calls.
//
// Read fp32.h next (the whole algorithm in one precision), then bf16.h; cell.h is the arithmetic
// of a step. No state outlives a call, so threads may call at once. Bits of results depend on the
// arguments alone. The compiler must be asked for the machine's own instructions.
#include "fp32.h"
#if defined(__AVX512BF16__) && defined(__linux__)
#define WALKFAST_TILES
#include <sys/syscall.h>
#include <unistd.h>

#include "bf16.h"
#endif

namespace {

// Numbers below 1e-38 become zero: they cost a hundred cycles each and weigh nothing here.
class FlushToZero {
 public:
  FlushToZero() { _mm_setcsr(before_ | 0x8040); }
  ~FlushToZero() { _mm_setcsr(before_); }

 private:
  const unsigned before_ = _mm_getcsr();
};

template <class A, class B>
int64_t larger(const walkfast::Shape& shape) {
  const int64_t a = A(shape, nullptr).n_bytes, b = B(shape, nullptr).n_bytes;
  return a > b ? a : b;
}

}  // namespace

extern "C" {

// Whether this was built for bfloat16 and the system lets this process use tiles.
int64_t lstm_has_tiles() {
#ifdef WALKFAST_TILES
  return syscall(SYS_arch_prctl, 0x1023 /* ARCH_REQ_XCOMP_PERM */, 18 /* tile data */) == 0;
#else
  return 0;
#endif
}

int64_t lstm_kept_bytes(const walkfast::Shape* shape, int64_t in_bf16) {
#ifdef WALKFAST_TILES
  if (in_bf16) return walkfast::bf16::Kept(*shape, nullptr).n_bytes;
#endif
  return in_bf16 ? -1 : walkfast::fp32::Kept(*shape, nullptr).n_bytes;
}

int64_t lstm_scratch_bytes(const walkfast::Shape* shape, int64_t in_bf16) {
#ifdef WALKFAST_TILES
  using namespace walkfast::bf16;
  if (in_bf16) return larger<ForwardScratch, BackwardScratch>(*shape);
#endif
  using namespace walkfast;
  return in_bf16 ? -1 : larger<fp32::ForwardScratch, fp32::BackwardScratch>(*shape);
}

void lstm_forward(const walkfast::Shape* shape, const walkfast::Arrays* arrays, int64_t in_bf16) {
  const FlushToZero flush;
#ifdef WALKFAST_TILES
  if (in_bf16) return walkfast::bf16::forward(*shape, *arrays);
#endif
  walkfast::fp32::forward(*shape, *arrays);
}

void lstm_backward(const walkfast::Shape* shape, const walkfast::Arrays* arrays, int64_t in_bf16) {
  const FlushToZero flush;
#ifdef WALKFAST_TILES
  if (in_bf16) return walkfast::bf16::BackwardPass(*shape, *arrays).run();
#endif
  walkfast::fp32::BackwardPass(*shape, *arrays).run();
}

}  // extern "C"
