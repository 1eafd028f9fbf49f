#include "operators/builtin.h"

#include "operators/fewer/dedupe.h"
#include "operators/fewer/sample.h"
#include "operators/missing/absent.h"
#include "operators/missing/dropna.h"
#include "operators/missing/ffill.h"
#include "operators/missing/fillna.h"
#include "operators/missing/look_ahead.h"
#include "operators/missing/resample.h"
#include "operators/noise/deadband.h"
#include "operators/noise/outliers.h"
#include "operators/noise/smooth.h"
#include "operators/alert/alert.h"
#include "operators/join/join.h"
#include "operators/rolling/rolling.h"
#include "operators/lookup/lookup.h"
#include "operators/row/cast.h"
#include "operators/row/clip.h"
#include "operators/row/derive.h"
#include "operators/row/drop.h"
#include "operators/row/event_time.h"
#include "operators/row/explode.h"
#include "operators/row/filter.h"
#include "operators/row/limit.h"
#include "operators/row/parse.h"
#include "operators/row/rename.h"
#include "operators/row/select.h"
#include "operators/top/top.h"
#include "operators/window/window.h"

namespace streamflow {

void register_operators(Registry& registry) {
  registry.step(filter_step());
  registry.step(select_step());
  registry.step(derive_step());
  registry.step(drop_step());
  registry.step(rename_step());
  registry.step(cast_step());
  registry.step(window_step());
  registry.step(parse_step());
  registry.step(explode_step());
  registry.step(clip_step());
  registry.step(time_step());
  registry.step(dedupe_step());
  registry.step(sample_step());
  registry.step(throttle_step());
  registry.step(limit_step());
  registry.step(dropna_step());
  registry.step(fillna_step());
  registry.step(ffill_step());
  registry.step(bfill_step());
  registry.step(interpolate_step());
  registry.step(resample_step());
  registry.step(absent_step());
  registry.step(outliers_step());
  registry.step(smooth_step());
  registry.step(deadband_step());
  registry.step(join_step());
  registry.step(lookup_step());
  registry.step(alert_step());
  registry.step(top_step());
  registry.step(rolling_step());
  registry.step(aggregate_step());
}

}  // namespace streamflow
