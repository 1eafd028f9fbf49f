#include "connectors/http/intake.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "connectors/http/content_type.h"
#include "core/ascii.h"

namespace streamflow::http {
namespace {

// In a time that does not depend on where they differ.
bool same_secret(std::string_view given, std::string_view secret) {
  unsigned difference = given.size() == secret.size() ? 0 : 1;
  for (size_t i = 0; i < secret.size(); ++i)
    difference |= static_cast<unsigned char>(i < given.size() ? given[i] : 0) ^
                  static_cast<unsigned char>(secret[i]);
  return difference == 0;
}

bool has_token(std::string_view authorization, std::string_view token) {
  constexpr std::string_view kBearer = "bearer ";
  const auto same = [](char want, char c) { return want == lower(c); };
  return authorization.size() > kBearer.size() &&
         std::equal(kBearer.begin(), kBearer.end(), authorization.begin(), same) &&
         same_secret(authorization.substr(kBearer.size()), token);
}

}  // namespace

IngestReply Intake::busy() {
  return {429, "the pipeline is behind; send this again later", 0, false, kRetryAfter};
}

IngestReply Intake::stopping() {
  return {503, "the pipeline of this path is stopping; send this again later", 0, false,
          kRetryAfter};
}

IngestReply Intake::admit(const IngestHead& head) {
  if (!options_.token.empty() && !has_token(head.authorization, options_.token))
    return {401, "this path wants its token: 'Authorization: Bearer TOKEN'"};
  std::string problem;
  if (!body_kind(head.content_type, problem)) return {415, std::move(problem)};
  if (paused_.load()) return busy();
  return {};
}

void Intake::receive(IngestRequest request) {
  const size_t bytes = request.body.size();
  const size_t before = in_flight_.load();
  if (paused_.load() || (before > 0 && before + bytes > kInFlightMax))
    return request.answer(busy());
  std::string ignored;
  const bool lines = body_kind(request.head.content_type, ignored) == BodyKind::kLines;
  JsonChecked checked =
      lines ? checker_.check_lines(request.body) : checker_.check_document(request.body);
  if (checked.problem) {
    request.answer({400, checked.problem->text() + "; nothing of this body was taken"});
    in_flight_.fetch_add(bytes);  // until it is counted: so many may wait for the loop
    const bool posted = loop_.post([self = shared_from_this(), bytes, problem = std::move(*checked.problem)] {
      self->settled(bytes);
      if (self->owner_) self->owner_->refuse(problem);
    });
    if (!posted) settled(bytes);
    return;
  }
  const auto answer = request.answer;
  in_flight_.fetch_add(bytes);
  const bool posted = loop_.post([self = shared_from_this(), request = std::move(request),
                                  records = checked.records]() mutable {
    if (self->owner_) return self->owner_->take(std::move(request), records);
    self->settled(request.body.size());
    request.answer(stopping());
  });
  if (posted) return;
  settled(bytes);
  answer(busy());
}

}  // namespace streamflow::http
