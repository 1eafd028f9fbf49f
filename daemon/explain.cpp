#include "daemon/explain.h"

namespace streamflow {
namespace {

std::string joined(const auto& names, std::string_view none) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + std::string(name);
  return out.empty() ? std::string(none) : out;
}

std::string shape(const Schema& schema) {
  std::string out;
  for (const Field& field : schema.fields)
    out += (out.empty() ? "" : ", ") + field.name + ": " + std::string(type_name(field.type));
  if (!schema.open) return "{" + out + "}";
  return out.empty() ? "{any fields}" : "{" + out + ", and any others}";
}

void write_source(const SourceNode& source, std::string& out) {
  const Inlet& inlet = source.inlet;
  out += "  from " + source.info.verb + "  " + source.info.argument + "\n";
  out += "      time      ";
  if (inlet.time_text().empty()) {
    out += "arrival; windows close by the clock\n";
  } else {
    out += inlet.time_text() + ", lateness " + format_duration(inlet.lateness()) + "\n";
  }
  out += "      decodes   " + joined(source.info.reads, "nothing: records are checked and forwarded") + "\n";
  out += "      records   " + shape(source.info.output) + "\n";
}

void write_operator(const OperatorNode& node, std::string& out) {
  out += "  " + node.info.id + "  " + node.info.verb + ": " + node.info.argument + "\n";
  out += "      reads     " + joined(node.info.reads, "nothing") + "\n";
  if (!node.info.other.empty())
    out += "      reads     of " + node.info.other + ": " + joined(node.info.other_reads, "nothing") + "\n";
  out += "      records   " + shape(node.info.output) + "\n";
  if (!node.info.output.keys.empty()) out += "      keys      " + joined(node.info.output.keys, "") + "\n";
}

void write_sink(const SinkNode& sink, std::string& out) {
  out += "  " + sink.info.id + "  " + (sink.info.is_chart ? "chart" : "save to " + sink.info.verb) + "  " +
         sink.info.argument + "\n";
  out += "      delivery  " + sink.info.guarantee;
  if (!sink.info.guarantee_reason.empty()) out += ": " + sink.info.guarantee_reason;
  out += "\n";
}

}  // namespace

std::string explain(const Pipeline& pipeline) {
  std::string out = "pipeline " + pipeline.name + "\n";
  out += "  delivery " + pipeline.delivery + "\n";
  for (const auto& stream : pipeline.streams) {
    out += "\nstream " + stream->name + "\n";
    for (const auto& source : pipeline.sources)
      if (source->info.stream == stream->name) write_source(*source, out);
    for (const auto& node : pipeline.operators)
      if (node->info.stream == stream->name) write_operator(*node, out);
    for (const auto& sink : pipeline.sinks)
      if (sink->info.stream == stream->name) write_sink(*sink, out);
  }
  return out;
}

}  // namespace streamflow
