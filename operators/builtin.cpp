#include "operators/builtin.h"

#include "operators/row/cast.h"
#include "operators/row/derive.h"
#include "operators/row/drop.h"
#include "operators/row/filter.h"
#include "operators/row/limit.h"
#include "operators/row/rename.h"
#include "operators/row/select.h"
#include "operators/window/window.h"

namespace streamflow {

void register_operators(Registry& registry) {
  registry.step(filter_step());
  registry.step(select_step());
  registry.step(derive_step());
  registry.step(drop_step());
  registry.step(rename_step());
  registry.step(cast_step());
  registry.step(limit_step());
  registry.step(window_step());
}

}  // namespace streamflow
