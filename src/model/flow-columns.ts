/** First line of each end_flows file. */
export const END_FLOW_HEADER =
  '#srcIP,srcPort,dstIP,dstPort,beginSec,beginUsec,endSec,endUsec,latency1,latency2,latency3,dataFrom,dataTo,' +
  'connType,endType,evtSrc,quality,pid,ppid,uid,processName,latency4,' +
  'retransmittedTo,retransmittedFrom,outOfOrderTo,outOfOrderFrom,rttToUs,rttFromUs,zeroWindowToMs,zeroWindowFromMs,' +
  'httpErrors,srcName,dstName,failure';
