// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tandem/memory/address_mapping.h"
#include "tandem/memory/channel.h"
#include "tandem/memory/command_controller.h"
#include "tandem/memory/controller.h"
#include "tandem/memory/device.h"
#include "tandem/memory/memory_target.h"
#include "tandem/memory/timing_checker.h"
#include "tandem/observe/timeline.h"

namespace tandem::memory {

enum class Fidelity {
  kTransaction,  // banks and buses are reserved arithmetically (Channel)
  kCommand,      // every command is scheduled (CommandChannel)
};

// DRAM behind one or more sockets: controllers, channels and their interleaving. A payload of any
// length is spread over the rows and channels it touches; it is answered when its last byte has
// crossed the data bus of the slowest channel. At transaction fidelity a payload of many rows per
// channel (kStreamRows, and kStreamBytes) is timed as a stream, at a cost that follows channels.
class Stack : public MemoryTarget, private CommandController::Listener {
 public:
  struct Config {
    DeviceConfig device;  // has to be given
    Fidelity fidelity = Fidelity::kTransaction;
    ComputeBanks compute;       // of whoever computes in the banks, at command fidelity
    bool check_timing = false;  // replay the command log against the tables (command fidelity)
    ControllerConfig controller;
    unsigned channels = 1;
    std::string mapping = "RoRaBaCoBgCh";  // see AddressMapping
    AddressHash hash;
    unsigned interleave_bytes = 256;
    std::uint64_t request_latency_ps = 5'000;   // socket to the DRAM command (assumed)
    std::uint64_t response_latency_ps = 5'000;  // last data to the response (assumed)
    unsigned ports = 1;
    unsigned max_outstanding = 32;  // transactions in progress per port (AT)
    std::uint64_t chunk_bytes = SparseStore::kDefaultChunkBytes;  // of the store and of DMI
    bool dmi = true;
    // What a stream stands for: the requests that its initiator would have made.
    StreamLoad stream;

    // Throws std::invalid_argument.
    void validate() const;
    std::uint64_t size_bytes() const { return channels * device.geometry.channel_bytes(); }
    double peak_bytes_per_s() const { return channels * device.geometry.peak_bytes_per_s(); }
  };

  static constexpr std::uint64_t kStreamRows = 2;
  static constexpr std::uint64_t kStreamBytes = 64 * 1024 + 1;

  Stack(const sc_core::sc_module_name& name, const Config& config);

  const Config& config() const { return config_; }
  const AddressMapping& mapping() const { return mapping_; }
  unsigned channels() const { return config_.channels; }
  // At transaction fidelity, for whoever computes in the banks: reservations made here contend with
  // ordinary traffic.
  Channel& channel(unsigned index) { return channels_[index]; }
  const Channel& channel(unsigned index) const { return channels_[index]; }
  // At transaction fidelity, see Channel.
  void count_times(std::uint64_t times);
  // At command fidelity; else nullptr.
  CommandController* commands() { return commands_.get(); }
  const CommandController* commands() const { return commands_.get(); }

  // What crossed the data bus of a channel, write queues excepted.
  struct Traffic {
    std::uint64_t read_bytes;
    std::uint64_t write_bytes;
    std::uint64_t busy_ps;
  };
  Traffic traffic(unsigned channel) const;
  // Time until now in which data crossed the data buses, mean of the channels; once whatever they
  // count.
  std::uint64_t data_ps() const;
  // Violations that the timing checkers have found; 0 if they are off.
  std::uint64_t timing_violations() const;
  const TimingChecker* checker(unsigned channel) const;

  // One track per channel; nullptr switches recording off. Slices are the time a transaction has
  // data on the channel's bus, trimmed where bank groups overlap.
  void set_timeline(observe::Timeline* timeline, const std::string& process);

  void collect(observe::StatisticsSink& sink) const;
  void collect_energy(observe::EnergySink& sink) const;
  bool quiescent() const override;
  void archive(common::Archive& archive) override;

 private:
  struct Waiting {  // an AT access at command fidelity
    unsigned port;
    common::Payload* payload;  // nullptr: not answered any more
  };

  Service schedule(common::Payload& payload, std::uint64_t arrival_ps,
                   const Origin& origin) override;
  Service schedule_commands(common::Payload& payload, std::uint64_t arrival_ps,
                            const Origin& origin);
  std::uint64_t reserve(const common::Payload& payload, std::uint64_t earliest_ps,
                        std::uint64_t times);
  std::uint64_t stream(const common::Payload& payload, std::uint64_t earliest_ps,
                       std::uint64_t times);
  const StreamPace& pace(bool is_write);
  void access_done(std::uint32_t access, std::uint64_t time_ps) override;
  void data_moved(unsigned channel, bool is_write, std::uint64_t begin_ps,
                  std::uint64_t end_ps) override;
  void finish_checks(std::uint64_t time_ps) const;
  void collect_channel(unsigned channel, std::uint64_t time_ps,
                       observe::StatisticsSink& sink) const;
  void reset_timing() override;
  std::uint64_t dmi_latency_ps() const override;
  void record(unsigned channel, const Interval& data, bool is_write);

  Config config_;
  AddressMapping mapping_;
  std::vector<Channel> channels_;                     // transaction fidelity
  std::optional<StreamPace> read_pace_, write_pace_;  // measured when the first stream comes
  std::unique_ptr<CommandController> commands_;       // command fidelity
  std::vector<std::unique_ptr<TimingChecker>> checkers_;
  std::uint64_t violations_before_reset_ = 0;
  mutable bool checks_finished_ = false;
  std::vector<Waiting> waiting_;  // by number of the access
  std::uint64_t times_ = 1;
  std::uint64_t reads_ = 0;
  std::uint64_t writes_ = 0;
  std::uint64_t read_bytes_ = 0;
  std::uint64_t write_bytes_ = 0;

  observe::Timeline* timeline_ = nullptr;
  std::vector<observe::Timeline::Track> tracks_;
  std::vector<std::uint64_t> recorded_until_ps_;
  observe::Timeline::Name read_name_ = 0;
  observe::Timeline::Name write_name_ = 0;
};

}  // namespace tandem::memory
