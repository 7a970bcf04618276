// SPDX-License-Identifier: Apache-2.0
// Every register block, structure, enumeration and constant of the contract, for generators and
// tests.
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
    &npu::kBlock,   &pim::kBlock,  &pe_array::kBlock, &intc::kBlock,
    &timer::kBlock, &uart::kBlock, &mailbox::kBlock,  &syscon::kBlock,
};

constexpr const StructureInfo* kStructures[] = {
    &Describe<Command>::kInfo,        &Describe<Completion>::kInfo,   &Describe<Slot>::kInfo,
    &Describe<ParameterBlock>::kInfo, &Describe<KvSet>::kInfo,        &Describe<BatchEntry>::kInfo,
    &Describe<DraftBlock>::kInfo,     &Describe<VerifyResult>::kInfo, &Describe<Operand>::kInfo,
    &Describe<Primitive>::kInfo,      &Describe<PimCommand>::kInfo,   &Describe<TensorEntry>::kInfo,
    &Describe<TokenPiece>::kInfo,     &Describe<ModelImage>::kInfo,   &Describe<PolicyBlock>::kInfo,
    &Describe<BootInfo>::kInfo,       &Describe<Request>::kInfo,      &Describe<Record>::kInfo,
    &Describe<EndReport>::kInfo,
};

constexpr const EnumerationInfo* kEnumerations[] = {
    &DescribeEnumeration<Opcode>::kInfo,         &DescribeEnumeration<Status>::kInfo,
    &DescribeEnumeration<Phase>::kInfo,          &DescribeEnumeration<Space>::kInfo,
    &DescribeEnumeration<Sampling>::kInfo,       &DescribeEnumeration<KvLayout>::kInfo,
    &DescribeEnumeration<Topology>::kInfo,       &DescribeEnumeration<StopReason>::kInfo,
    &DescribeEnumeration<PrimitiveOp>::kInfo,    &DescribeEnumeration<NormKind>::kInfo,
    &DescribeEnumeration<PositionKind>::kInfo,   &DescribeEnumeration<ElementwiseKind>::kInfo,
    &DescribeEnumeration<RowMode>::kInfo,        &DescribeEnumeration<OnMiss>::kInfo,
    &DescribeEnumeration<Mask>::kInfo,           &DescribeEnumeration<OperandLayout>::kInfo,
    &DescribeEnumeration<Stage>::kInfo,          &DescribeEnumeration<Format>::kInfo,
    &DescribeEnumeration<Grouping>::kInfo,       &DescribeEnumeration<TableScope>::kInfo,
    &DescribeEnumeration<PimOpcode>::kInfo,      &DescribeEnumeration<TensorKind>::kInfo,
    &DescribeEnumeration<TensorRole>::kInfo,     &DescribeEnumeration<Policy>::kInfo,
    &DescribeEnumeration<Granularity>::kInfo,    &DescribeEnumeration<Placement>::kInfo,
    &DescribeEnumeration<DraftKv>::kInfo,        &DescribeEnumeration<RecordKind>::kInfo,
    &DescribeEnumeration<KvPlacement>::kInfo,    &DescribeEnumeration<ExpertInput>::kInfo,
    &DescribeEnumeration<ChannelPacking>::kInfo, &DescribeEnumeration<DraftControl>::kInfo,
    &DescribeEnumeration<DraftPlacement>::kInfo, &DescribeEnumeration<CollectiveOp>::kInfo,
    &DescribeEnumeration<Recovery>::kInfo,
};

constexpr const ConstantGroup* kConstantGroups[] = {
    &kBootGroup,           &kBootFlagsGroup,       &kCommandLimitsGroup, &kCommandFlagsGroup,
    &kBatchLimitsGroup,    &kEngineMaskGroup,      &kProgramLimitsGroup, &kFormatSizesGroup,
    &kNpuLimitsGroup,      &kPimFlagsGroup,        &kPimLimitsGroup,     &kPimWindowsGroup,
    &kPeArrayWindowsGroup, &kInterruptLimitsGroup, &kModelGroup,         &kModelFlagsGroup,
    &kMailboxLimitsGroup,  &kRequestFlagsGroup,
};

}  // namespace tandem::abi
