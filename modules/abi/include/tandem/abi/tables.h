// SPDX-License-Identifier: Apache-2.0
// Every register block and every structure of the contract, for generators and tests.
#pragma once
#include "tandem/abi/batch.h"
#include "tandem/abi/boot_info.h"
#include "tandem/abi/command.h"
#include "tandem/abi/mailbox.h"
#include "tandem/abi/model_image.h"
#include "tandem/abi/npu_registers.h"
#include "tandem/abi/pe_array_registers.h"
#include "tandem/abi/peripheral_registers.h"
#include "tandem/abi/pim_registers.h"
#include "tandem/abi/program.h"

namespace tandem::abi {

constexpr const RegisterBlock* kRegisterBlocks[] = {
    &npu::kBlock,  &pim::kBlock,  &pe_array::kBlock, &intc::kBlock,
    &timer::kBlock, &uart::kBlock, &mailbox::kBlock,
};

constexpr const StructureInfo* kStructures[] = {
    &Describe<Command>::kInfo,     &Describe<Completion>::kInfo,   &Describe<Slot>::kInfo,
    &Describe<ParameterBlock>::kInfo, &Describe<KvSet>::kInfo,     &Describe<BatchEntry>::kInfo,
    &Describe<DraftBlock>::kInfo,  &Describe<VerifyResult>::kInfo, &Describe<Operand>::kInfo,
    &Describe<Primitive>::kInfo,   &Describe<PimCommand>::kInfo,   &Describe<TensorEntry>::kInfo,
    &Describe<TokenPiece>::kInfo,  &Describe<ModelImage>::kInfo,   &Describe<PolicyBlock>::kInfo,
    &Describe<BootInfo>::kInfo,    &Describe<Request>::kInfo,      &Describe<Record>::kInfo,
};

}  // namespace tandem::abi
