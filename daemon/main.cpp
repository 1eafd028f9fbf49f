#include "daemon/options.h"

int main(int argc, char** argv) { return streamflow::run_command_line(argc, argv); }
