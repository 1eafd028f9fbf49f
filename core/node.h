// The three kinds of nodes, and what each may expect of the pipeline that runs it.  All are called
// on the pipeline's loop thread only.  A new one is a pair of files, a line in its folder's
// builtin.cpp, a flow test and the docs row that its descriptor makes.
#pragma once

#include <bitset>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/batch.h"
#include "core/keys.h"
#include "core/loop.h"
#include "core/state_parts.h"
#include "core/status.h"

namespace streamflow {

// The ledger of one node.  Each input row gets exactly one disposition:
//   in = passed + filtered + absorbed + late + dropped + failed + held,   out = passed + created.
struct Tally {
  uint64_t in = 0, out = 0;
  uint64_t passed = 0, filtered = 0, absorbed = 0, late = 0, dropped = 0, failed = 0, held = 0;
  uint64_t created = 0;
};

// Where an operator sends its results.  The emitter counts `in`, `out`, `late` and `failed`; the
// operator adds to passed, filtered, absorbed, dropped, created (and keeps `held`) in `tally`.
class Emitter {
 public:
  virtual ~Emitter() = default;
  // Rows of the step's output, at most kBatchRowsMax where the operator makes them, each with its
  // watermark.
  virtual void emit(Batch batch) = 0;
  // These rows of an input batch were late: to NAME.late, whole and unchanged.
  virtual void late(Batch rows) = 0;
  // This row of an input batch failed: to NAME.errors, with the reason.
  virtual void fail(const Batch& batch, uint32_t row, std::string_view reason) = 0;
  // A field became null because its expression failed (`derive`); counted and sampled, the row goes on.
  virtual void cell_error(const Batch& batch, uint32_t row, std::string_view reason) = 0;
  virtual Tally& tally() = 0;
};

class Operator {
 public:
  virtual ~Operator() = default;

  // Takes rows from position `begin` of the batch's selection on and returns the position after the
  // last one taken: all of them, unless a row's watermark has reached next_deadline(); then it stops
  // before that row and is called again after on_watermark.
  virtual size_t process(const Batch& batch, size_t begin, Emitter& out) = 0;

  // The stream's watermark is `upto` (kTimeMax: the input has ended).  Sends what that completes, at
  // most kBatchRowsMax rows a call; true when there is no more to send.
  virtual bool on_watermark(Micros upto, Emitter& out) {
    (void)upto, (void)out;
    return true;
  }
  // The least watermark at which on_watermark would do something.
  virtual Micros next_deadline() const { return kTimeMax; }
  // The watermark of the output when that of the input is `input`: lower where rows with an earlier
  // time may still be sent.
  virtual Micros output_watermark(Micros input) const { return input; }

  // State by partition of the key, of those that are wanted; what has no key is in partition 0.  load() replaces.
  virtual void save(StateParts& parts) const { (void)parts; }
  virtual Status load(unsigned partition, std::string_view bytes) {
    (void)partition, (void)bytes;
    return {};
  }
  // Partitions that changed since the last call.
  virtual std::bitset<kPartitions> take_dirty() { return {}; }
  // How much unfinished work would be lost now, in words ("3 open windows"); empty: none.
  virtual std::string unfinished() const { return {}; }
};

enum class ConnectorState : unsigned char { kConnecting, kUp, kSilent, kPaused, kDown, kEnded };
std::string_view state_name(ConnectorState state);

// What a source hands its input to: decoding, arrival stamp, event time, watermark.
class SourceHost {
 public:
  virtual ~SourceHost() = default;
  // What the next message is recognised by when it is sent again (Source::replayed); not kept where
  // there is no input log.
  virtual void ident(std::string_view ident) { (void)ident; }
  // One message, copied.  `captures` are the values of the source's captured fields, `meta` of its
  // meta fields, in the order that its descriptor or build gave; empty where nothing was declared.  Values own their text.
  virtual void message(std::string_view payload, std::span<const std::string_view> captures,
                       std::span<const Value> meta) = 0;
  // A block of whole lines (the last may lack its newline only at the end of input).
  virtual void lines(BlockPtr block) = 0;
  // Decodes what was handed over and runs it through the pipeline.  Call at the end of each read.
  virtual void flush() = 0;
  // Calls `fn`, now or later, when no crash can lose what was handed over so far: acknowledge then.  Never
  // after the source's stop().
  virtual void when_durable(std::function<void()> fn) { fn(); }
  // Whether any step looks at this meta field: others need no value.
  virtual bool wants_meta(std::string_view name) const = 0;
  virtual void state(ConnectorState state, std::string reason, Micros retry_at = 0) = 0;
  virtual void ended() = 0;  // there will be no more input
  // A problem that is no record: logged.
  virtual void complain(std::string_view text) = 0;
  // A message that cannot be handed over (too large): counted as undecodable, sampled, dead-lettered with
  // the start of its text.
  virtual void reject(std::string_view sample, std::string_view reason) = 0;
};

class Source {
 public:
  virtual ~Source() = default;
  virtual void start(Loop& loop, SourceHost& host) = 0;
  // Backpressure: hand over nothing more until resume.
  virtual void pause() = 0;
  virtual void resume() = 0;
  // Whether what it does not read now will still be there later.  A source that loses it, or whose peer gives
  // up, is paused only when the buffers on disk are full too.
  virtual bool can_wait() const { return true; }
  // Where the source could start again: opaque to the pipeline.  `restore` comes before start.
  virtual std::string position() const { return {}; }
  virtual void restore(std::string_view position) { (void)position; }
  // Of a source that can read again what it handed over by `lines`: which part of its input that was last.
  // Empty: it cannot, so the input log keeps the bytes.
  virtual std::string range() const { return {}; }
  virtual Result<BlockPtr> reread(std::string_view range) {
    (void)range;
    return fail(ErrorKind::kIo, "this source cannot read again");
  }
  // In recovery, before start: a message, known by its ident, is in the input log.
  virtual void replayed(std::string_view ident) { (void)ident; }
  // For a reload that keeps the source: no call to the host after it returns, as after stop, but the connection
  // stays, and `start` goes on with another host where this one was.  False: it cannot now; it was not touched.
  virtual bool detach() { return false; }
  virtual void stop() = 0;  // no call to the host after it returns
};

class SinkHost {
 public:
  virtual ~SinkHost() = default;
  virtual void state(ConnectorState state, std::string reason, Micros retry_at = 0) = 0;
  // Each row of `write` ends as exactly one of these; until then it is queued.
  virtual void written(uint64_t rows) = 0;
  virtual void failed(uint64_t rows, std::string_view reason, std::string_view sample) = 0;
  virtual void dropped(uint64_t rows, std::string_view reason) = 0;
  // The queue's size changed: above the high mark sources are paused, below half resumed.
  virtual void queued(uint64_t rows, size_t bytes) = 0;
};

class Sink {
 public:
  virtual ~Sink() = default;
  virtual void start(Loop& loop, SinkHost& host) = 0;
  virtual void write(const Batch& batch) = 0;  // encodes at once; keeps no reference to the batch
  virtual void flush() {}                      // end of the loop's turn: hand to the peer
  // Stops taking rows; calls `done` when everything is at the peer or cannot get there.
  virtual void drain(std::function<void()> done) { done(); }
  virtual void stop() {}                       // no call to the host after it returns

  // For checkpoints: where its output stands and what still waits, for rows taken so far.  `load` comes
  // before start; with `exactly`, output behind the saved position is to be taken back.
  virtual void save(std::string& out) { (void)out; }
  virtual Status load(std::string_view bytes, bool exactly) {
    (void)bytes, (void)exactly;
    return {};
  }
  // Duplicated descriptors to sync before what `save` said is true for good; the caller closes them.
  virtual std::vector<int> unsynced() { return {}; }
};

}  // namespace streamflow
